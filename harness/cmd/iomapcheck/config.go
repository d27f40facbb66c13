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

What is under ci counts for all of its commands. Flags beat the environment, which beats the file. A key that is no command's and no flag's is an
error, and so is a value that is missing or that the flag does not take, also of a command that is not run.`

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
	// All values are given to commands that are never run: that checks them.
	everything := config{path, (&app{}).root(), func(*cobra.Command, *pflag.Flag) bool { return true }}
	for _, c := range []config{everything, {path, cmd.Root(), func(of *cobra.Command, flag *pflag.Flag) bool { return meant(of, flag, cmd) }}} {
		if err := c.apply(document.Content[0]); err != nil {
			return usage(err)
		}
	}
	return nil
}

// meant says whether the file's value of a flag, said of a command, is for the command that is run: that one or one above it has the flag, and
// neither the command line nor the environment has another value.
func meant(of *cobra.Command, flag *pflag.Flag, run *cobra.Command) bool {
	variable, has := environment()[flag.Name]
	return run.Flags().Lookup(flag.Name) == flag && (of == run || of.PersistentFlags().Lookup(flag.Name) == flag) &&
		!flag.Changed && (!has || os.Getenv(variable) == "")
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
	// counts says whether a value is given to the flag.
	counts func(of *cobra.Command, flag *pflag.Flag) bool
}

// apply looks at all keys, also those about other commands, and sets the values that count.
func (c config) apply(top *yaml.Node) error {
	return c.each(top, "the file", func(key string, at, value *yaml.Node) error {
		if flag := c.root.PersistentFlags().Lookup(key); flag != nil && key != "config" {
			return c.set(c.root, flag, value)
		}
		of, rest, err := c.root.Find(strings.Fields(key))
		if err != nil || of == c.root || len(rest) > 0 {
			return c.unknown(at, key, "the file", c.commands())
		}
		return c.each(value, key, func(name string, at, value *yaml.Node) error {
			flag := of.LocalFlags().Lookup(name)
			if flag == nil || name == "help" {
				return c.unknown(at, name, key, flags(of))
			}
			return c.set(of, flag, value)
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

// set gives the value to the flag of a command, where it counts.
func (c config) set(of *cobra.Command, flag *pflag.Flag, value *yaml.Node) error {
	values, err := c.values(flag, value)
	if err != nil || !c.counts(of, flag) {
		return err
	}
	for _, v := range values {
		if err := flag.Value.Set(v); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", c.path, value.Line, flag.Name, err)
		}
	}
	return nil
}

// values are the one value or the list that the file has for the flag.
func (c config) values(flag *pflag.Flag, value *yaml.Node) (out []string, err error) {
	list := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		if _, takes := flag.Value.(pflag.SliceValue); !takes {
			return nil, fmt.Errorf("%s:%d: %s takes one value, not a list", c.path, value.Line, flag.Name)
		}
		list = value.Content
	}
	for _, v := range list {
		switch {
		case v.Kind != yaml.ScalarNode:
			return nil, fmt.Errorf("%s:%d: %s takes a plain value, or a list of them where it can be given more than once", c.path, v.Line, flag.Name)
		case v.Tag == "!!null":
			return nil, fmt.Errorf("%s:%d: %s has no value", c.path, v.Line, flag.Name)
		}
		out = append(out, v.Value)
	}
	return out, nil
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
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			out = append(out, f.Name)
		}
	})
	return out
}
