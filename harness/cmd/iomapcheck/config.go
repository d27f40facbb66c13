package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// configFile is read from the folder that a command is run in, if it is there.
const configFile = "iomapcheck.yaml"

// configHelp is what help says of it.
const configHelp = `A file iomapcheck.yaml in the current folder (or --config, or $IOMAPCHECK_CONFIG) has defaults for flags, by command:

  runs: /var/tmp/iomapcheck
  run:
    target: vm
    fs: [xfs, btrfs/nodatasum]
  matrix:
    kernel: [debian:6.12, tree:../linux]

Flags beat the environment, which beats the file. A key that is no command's and no flag's is an error.`

// environment are the flags that the environment sets, and its variables.
func environment() map[string]string {
	return map[string]string{"cache": "IOMAPCHECK_CACHE", "runs": "IOMAPCHECK_RUNS"}
}

// configure gives the flags of cmd that were not given the values of the file. A flag's default becomes the file's: it does not count as given.
func (a *app) configure(cmd *cobra.Command) error {
	path, wanted := a.configPath()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !wanted {
		return nil
	}
	if err != nil {
		return usage(fmt.Errorf("read configuration: %w", err))
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return usage(fmt.Errorf("%s: %w", path, err))
	}
	if len(document.Content) == 0 {
		return nil // nothing, or only comments
	}
	if err := (config{path, cmd.Root()}).apply(document.Content[0], cmd); err != nil {
		return usage(err)
	}
	return nil
}

// configPath is the file, and whether somebody named it.
func (a *app) configPath() (path string, wanted bool) {
	switch {
	case a.config != "":
		return a.config, true
	case os.Getenv("IOMAPCHECK_CONFIG") != "":
		return os.Getenv("IOMAPCHECK_CONFIG"), true
	}
	return configFile, false
}

// config is a file being read, against the tree of commands.
type config struct {
	path string
	root *cobra.Command
}

// apply checks everything, also what is about other commands, and sets what is about cmd.
func (c config) apply(top *yaml.Node, cmd *cobra.Command) error {
	return c.each(top, "the file", func(key string, at, value *yaml.Node) error {
		if flag := c.root.PersistentFlags().Lookup(key); flag != nil && key != "config" {
			return c.set(flag, value, true)
		}
		of, rest, err := c.root.Find(strings.Fields(key))
		if err != nil || of == c.root || len(rest) > 0 {
			return c.unknown(at, key, "the file", c.commands())
		}
		return c.each(value, key, func(name string, at, value *yaml.Node) error {
			flag := of.LocalNonPersistentFlags().Lookup(name)
			if flag == nil || name == "help" {
				return c.unknown(at, name, key, flags(of))
			}
			return c.set(flag, value, of == cmd)
		})
	})
}

// each visits the keys of a mapping, each of which may be there once.
func (c config) each(mapping *yaml.Node, where string, visit func(key string, at, value *yaml.Node) error) error {
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: %s wants keys with values", c.path, mapping.Line, where)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		at := mapping.Content[i]
		if seen[at.Value] {
			return fmt.Errorf("%s:%d: %q is there twice", c.path, at.Line, at.Value)
		}
		seen[at.Value] = true
		if err := visit(at.Value, at, mapping.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// set checks a value and, where it counts, gives it to the flag.
func (c config) set(flag *pflag.Flag, value *yaml.Node, counts bool) error {
	var values []string
	switch value.Kind {
	case yaml.ScalarNode:
		values = []string{value.Value}
	case yaml.SequenceNode:
		if _, takes := flag.Value.(pflag.SliceValue); !takes {
			return fmt.Errorf("%s:%d: %s takes one value, not a list", c.path, value.Line, flag.Name)
		}
		for _, v := range value.Content {
			if v.Kind != yaml.ScalarNode {
				return fmt.Errorf("%s:%d: %s takes a list of plain values", c.path, v.Line, flag.Name)
			}
			values = append(values, v.Value)
		}
	default:
		return fmt.Errorf("%s:%d: %s takes a value, or a list of values", c.path, value.Line, flag.Name)
	}
	variable, has := environment()[flag.Name]
	if flag.Changed || !counts || has && os.Getenv(variable) != "" {
		return nil
	}
	for _, v := range values {
		if err := flag.Value.Set(v); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", c.path, value.Line, flag.Name, err)
		}
	}
	return nil
}

func (c config) unknown(at *yaml.Node, key, where string, known []string) error {
	return fmt.Errorf("%s:%d: %s has no %q; there are %s", c.path, at.Line, where, key, strings.Join(known, ", "))
}

// commands are the keys that the file can have.
func (c config) commands() []string {
	var out []string
	c.root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" {
			out = append(out, f.Name)
		}
	})
	for _, sub := range c.root.Commands() {
		if len(flags(sub)) > 0 {
			out = append(out, sub.Name())
		}
	}
	slices.Sort(out)
	return out
}

func flags(cmd *cobra.Command) []string {
	var out []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			out = append(out, f.Name)
		}
	})
	return out
}
