package kernel

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// plainFile returns the path of the module at path, uncompressed: path itself, or a copy in the cache.
func (f *moduleFinder) plainFile(ctx context.Context, path string) (string, error) {
	if strings.HasSuffix(path, ".ko") {
		return path, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("find module file: %w", err)
	}
	key := cache.Key(path, fmt.Sprint(info.Size()), info.ModTime().UTC().String())
	return f.resolver.Cache.Publish(ctx, "modules", moduleName(path)+"_"+key+".ko", func(plain string) error {
		return decompressModule(path, plain)
	})
}

func decompressModule(path, plain string) error {
	packed, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	reader, err := moduleReader(filepath.Ext(path), bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("decompress module %s: %w", path, err)
	}
	image, err := io.ReadAll(reader)
	if err != nil {
		return fmt.Errorf("decompress module %s: %w", path, err)
	}
	return os.WriteFile(plain, image, 0o644)
}

func moduleReader(extension string, packed io.Reader) (io.Reader, error) {
	switch extension {
	case ".xz":
		return xz.NewReader(packed)
	case ".gz":
		return gzip.NewReader(packed)
	case ".zst":
		reader, err := zstd.NewReader(packed)
		if err != nil {
			return nil, err
		}
		return reader.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("unknown compression %s (known: .xz .zst .gz)", extension)
}

// needs is what a module wants loaded before it, and what others may call it.
type needs struct {
	hard    []string // symbols come from these (modpost writes "depends=")
	soft    []string // used if present (MODULE_SOFTDEP "pre:")
	aliases []string // MODULE_ALIAS, of which MODULE_ALIAS_CRYPTO makes two: crc32c and crypto-crc32c
}

// readNeeds reads a module's .modinfo section: NUL-terminated key=value strings.
func readNeeds(path string) (needs, error) {
	file, err := elf.Open(path)
	if err != nil {
		return needs{}, fmt.Errorf("read module %s: %w", path, err)
	}
	defer file.Close()
	section := file.Section(".modinfo")
	if section == nil {
		return needs{}, fmt.Errorf("read module %s: no .modinfo section", path)
	}
	info, err := section.Data()
	if err != nil {
		return needs{}, fmt.Errorf("read module %s: %w", path, err)
	}
	return parseNeeds(string(info)), nil
}

func parseNeeds(info string) needs {
	var result needs
	for entry := range strings.SplitSeq(info, "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case "depends":
			result.hard = append(result.hard, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
		case "alias":
			result.aliases = append(result.aliases, value)
		case "softdep":
			result.soft = append(result.soft, preDependencies(value)...)
		}
	}
	return result
}

// preDependencies of "pre: crc32c xxhash64 post: other" are crc32c and xxhash64.
func preDependencies(softdep string) []string {
	var names []string
	before := false
	for word := range strings.FieldsSeq(softdep) {
		switch {
		case strings.HasSuffix(word, ":"):
			before = word == "pre:"
		case before:
			names = append(names, word)
		}
	}
	return names
}
