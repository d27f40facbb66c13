package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// fileLinks is where the program's files stand when the file system's own have other names.
const fileLinks = "/run/files"

// linkFiles gives the program's files, as links, to those that the file system shows in a folder. It returns the folder of the links.
func linkFiles(folder string, p prog.Program) (string, error) {
	if err := os.RemoveAll(fileLinks); err != nil {
		return "", fmt.Errorf("remove the last program's files: %w", err)
	}
	if err := os.MkdirAll(fileLinks, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for the program's files: %w", err)
	}
	for i, name := range p.Files() {
		if err := os.Symlink(filepath.Join(mountPoint, folder, strconv.Itoa(i)), filepath.Join(fileLinks, name)); err != nil {
			return "", fmt.Errorf("give %s a zone: %w", name, err)
		}
	}
	return fileLinks, nil
}
