package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Deb is one package file.
type Deb struct {
	Name    string // package name: linux-image-6.12.117+deb12-amd64
	Version string // package version: 6.12.117-1~deb12u1
	Path    string // where Fetch puts the file
	Size    int64  // bytes
	SHA256  string // lower-case hex, as the signed package lists say
}

// Plan returns the package files that Fetch would bring for packages, without fetching them: of kernels the newest in any suite, of
// everything else the one release's (see the package comment), or what the machine's own sources and pins allow; with withDeps also
// everything they depend on (recommendations excluded), each once.
func (a *Archive) Plan(ctx context.Context, packages []string, withDeps bool) ([]Deb, error) {
	unlock, err := a.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.update(ctx); err != nil {
		return nil, err
	}
	return a.plan(ctx, packages, withDeps)
}

func (a *Archive) plan(ctx context.Context, packages []string, withDeps bool) ([]Deb, error) {
	if withDeps {
		closure, err := a.uris(ctx, "install", packages)
		if err != nil {
			return nil, fmt.Errorf("find dependencies of %s: %w", strings.Join(packages, " "), err)
		}
		packages = nil
		for _, deb := range closure {
			packages = append(packages, deb.Name+"="+deb.Version)
		}
	}
	// Only "download" prints SHA-256 sums; "install" still prints MD5.
	debs, err := a.uris(ctx, "download", packages)
	if err != nil {
		return nil, fmt.Errorf("find package files of %s: %w", strings.Join(packages, " "), err)
	}
	return debs, nil
}

// uris asks apt what it would download. An archives folder that is always empty keeps it from leaving out what is there already.
func (a *Archive) uris(ctx context.Context, verb string, packages []string) ([]Deb, error) {
	args := append([]string{"-o", "Dir::Cache::archives=" + a.path("none"), "-qq", "-y", "--print-uris", verb}, packages...)
	out, err := a.run(ctx, a.path("none"), "apt-get", args...)
	if err != nil {
		return nil, err
	}
	var debs []Deb
	for line := range strings.Lines(string(out)) {
		deb, err := parseURI(line)
		if err != nil {
			return nil, err
		}
		deb.Path = a.path("archives", deb.Path)
		debs = append(debs, deb)
	}
	return debs, nil
}

// parseURI reads one line of apt-get --print-uris: 'URI' NAME_VERSION_ARCH.deb SIZE [HASH:SUM]. Path becomes the bare file name. SHA256
// stays empty if the line has another kind of sum, or none (a list without MD5 has none to show for "install").
func parseURI(line string) (Deb, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 && len(fields) != 4 {
		return Deb{}, fmt.Errorf("parse apt-get --print-uris: unexpected line %q", line)
	}
	parts := strings.Split(fields[1], "_")
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if len(parts) != 3 || err != nil {
		return Deb{}, fmt.Errorf("parse apt-get --print-uris: unexpected line %q", line)
	}
	deb := Deb{Name: parts[0], Version: strings.ReplaceAll(parts[1], "%3a", ":"), Path: fields[1], Size: size}
	if sum, found := strings.CutPrefix(fields[len(fields)-1], "SHA256:"); found {
		deb.SHA256 = sum
	}
	return deb, nil
}

// Fetch downloads what Plan returned; what is there already and whole is not fetched again. A file that is damaged is removed and
// fetched once more; if it is still damaged it is removed and the error, one line, names it.
func (a *Archive) Fetch(ctx context.Context, debs []Deb) error {
	unlock, err := a.begin(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.update(ctx); err != nil {
		return err
	}
	missing, err := a.missing(debs)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := a.download(ctx, missing); err != nil {
		return err
	}
	for _, deb := range missing {
		if err := deb.check(); err != nil {
			return errors.Join(fmt.Errorf("fetch package: %w", err), os.Remove(deb.Path))
		}
	}
	return nil
}

// missing returns the debs that are not there, having removed those that are damaged.
func (a *Archive) missing(debs []Deb) ([]Deb, error) {
	var missing []Deb
	for _, deb := range debs {
		err := deb.check()
		var damaged *DamagedError
		switch {
		case err == nil:
			continue
		case errors.As(err, &damaged):
			a.report("%v; removed, fetching it again", err)
			if err := os.Remove(deb.Path); err != nil {
				return nil, fmt.Errorf("remove damaged package: %w", err)
			}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		missing = append(missing, deb)
	}
	return missing, nil
}

func (a *Archive) download(ctx context.Context, debs []Deb) error {
	var bytes int64
	args := []string{"-qq", "download"}
	for _, deb := range debs {
		bytes += deb.Size
		args = append(args, deb.Name+"="+deb.Version)
	}
	a.report("fetching %d packages, %.1f MiB", len(debs), float64(bytes)/(1<<20))
	if _, err := a.run(ctx, a.path("archives"), "apt-get", args...); err != nil {
		return fmt.Errorf("fetch %d packages (%s …): %w", len(debs), debs[0].Name, err)
	}
	return nil
}

// DamagedError says that a package file is not what its publisher signed, or cannot be unpacked.
type DamagedError struct {
	Path   string // the file
	Reason string // how it differs
}

// Error is one line that names the file.
func (e *DamagedError) Error() string { return fmt.Sprintf("damaged package %s: %s", e.Path, e.Reason) }

// check compares the file with what the package lists say.
func (d Deb) check() error {
	file, err := os.Open(d.Path)
	if err != nil {
		return fmt.Errorf("check package: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("check package: %w", err)
	}
	if info.Size() != d.Size {
		return &DamagedError{d.Path, fmt.Sprintf("%d bytes, should be %d", info.Size(), d.Size)}
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return fmt.Errorf("check package: %w", err)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != d.SHA256 {
		return &DamagedError{d.Path, fmt.Sprintf("sha256 %s, should be %s", sum, d.SHA256)}
	}
	return nil
}
