package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/iomapcheck/iomapcheck/cases"
	kept "github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/reproduce"
)

// reproducerFlags are the flags of reproducer.
type reproducerFlags struct {
	as, output, cases, fs, release string
	whole                          bool
}

func (a *app) reproducer() *cobra.Command {
	f := &reproducerFlags{}
	cmd := &cobra.Command{
		Use: "reproducer [DIR|TOKEN|-]", Short: "writes a program as C or as an xfs_io script, for people who do not have iomapcheck",
		Long: `reproducer writes a program out for somebody who has neither iomapcheck nor its machines: one C file that needs libc and
nothing else (gcc -O2 -Wall -pthread), or with --as xfs_io a shell script of xfs_io commands.

DIR is an evidence directory: its reduced program, if there is one, and its circumstances. TOKEN is an engine's: its case. - is a
program on standard input, and --case one of the catalogue; these are for --fs.

The C program takes a directory in the file system to be tried. Where the program controls the disk or mounts anew it is given
a device instead, as root, and the disk's controls are device-mapper's: what is held is delayed by dm-delay until it is released. It
prints what each operation returned, and ends with BUG (exit code 1), good (0), or that the situation could not be arranged (2).
What it judges is what the program says about each operation, and that all ways to read a file agree at the end.

What cannot be said so (a power cut, the release of one request among several, memory limits) is refused, with the reason.`,
		Args: cobra.MaximumNArgs(1),
		Example: `  iomapcheck reproducer runs/20261121-101500.000/vm~6.12.117+deb12-amd64~xfs~fallback-redirty-during-writeback -o repro.c
  iomapcheck reproducer --case coherence/post-write-invalidation --fs ext4 -o repro.c
  iomapcheck reproducer - --fs xfs < program.txt > repro.c
  iomapcheck reproducer - --fs xfs --as xfs_io < program.txt > repro.sh`,
		RunE: func(_ *cobra.Command, args []string) error { return a.writeReproducer(f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.as, "as", "c", "c or xfs_io")
	fl.StringVarP(&f.output, "output", "o", "-", "the file to write; - for standard output")
	fl.StringVar(&f.cases, "case", "", "a case of the catalogue, as in coherence/post-write-invalidation~aio")
	fl.StringVar(&f.fs, "fs", "xfs", "the file system, for a case or a program from standard input")
	fl.StringVar(&f.release, "release", campaign.DefaultRelease, "the kernel release, for a case whose rows differ by it")
	fl.BoolVar(&f.whole, "whole", false, "of an evidence directory: the whole program, not the reduced one")
	return cmd
}

func (a *app) writeReproducer(f *reproducerFlags, args []string) error {
	print, ok := map[string]func(prog.Program, reproduce.Circumstances) (string, error){"c": reproduce.C, "xfs_io": reproduce.XfsIO}[f.as]
	if !ok {
		return usage(fmt.Errorf("--as %s: want c or xfs_io", f.as))
	}
	p, c, err := a.toReproduce(f, args)
	if err != nil {
		return usage(fmt.Errorf("reproducer: %w", err))
	}
	text, err := print(p, c)
	if err != nil {
		return err
	}
	if f.output == "-" {
		_, err = io.WriteString(a.out, text)
		return err
	}
	return os.WriteFile(f.output, []byte(text), 0o644)
}

// toReproduce is the program that is meant, with its circumstances.
func (a *app) toReproduce(f *reproducerFlags, args []string) (prog.Program, reproduce.Circumstances, error) {
	switch {
	case (len(args) == 0) == (f.cases == ""):
		return prog.Program{}, reproduce.Circumstances{}, errors.New("want an evidence directory, a token or - for standard input; or --case")
	case f.cases != "":
		return caseToReproduce(f.cases+"@"+f.fs, f.release)
	case args[0] == "-":
		return a.givenToReproduce(f.fs)
	case isToken(args[0]):
		name, _, err := tokenParts(args[0])
		if err != nil {
			return prog.Program{}, reproduce.Circumstances{}, err
		}
		return caseToReproduce(name, f.release)
	}
	return evidenceToReproduce(args[0], f.whole)
}

func caseToReproduce(name, release string) (p prog.Program, c reproduce.Circumstances, err error) {
	u, err := campaign.ParseName(cases.Catalogue(), name)
	if err != nil {
		return p, c, err
	}
	if p, err = u.ProgramOn(release); err != nil {
		return p, c, err
	}
	c = kept.On(u.FS)
	c.Name, c.Rule = u.CaseName(), u.Case.Rule
	return p, c, nil
}

func (a *app) givenToReproduce(fs string) (p prog.Program, c reproduce.Circumstances, err error) {
	spec, err := fsys.Parse(fs)
	if err != nil {
		return p, c, err
	}
	text, err := io.ReadAll(a.in)
	if err != nil {
		return p, c, fmt.Errorf("read the program: %w", err)
	}
	p, err = prog.Parse(string(text))
	return p, kept.On(spec), err
}

func evidenceToReproduce(dir string, whole bool) (p prog.Program, c reproduce.Circumstances, err error) {
	v, p, err := readEvidence(dir)
	if err != nil {
		return p, c, fmt.Errorf("%s is no evidence directory: %w", dir, err)
	}
	reduced, err := os.ReadFile(filepath.Join(dir, "reduced.txt"))
	switch {
	case errors.Is(err, os.ErrNotExist), whole:
		err = nil
	case err == nil:
		p, err = prog.Parse(string(reduced))
	}
	return p, kept.Circumstances(v, ruleOf(v.Case)), err
}

// ruleOf is what must hold, "" for a program that is not of the catalogue.
func ruleOf(id string) string {
	for _, c := range cases.Catalogue() {
		if c.ID == id {
			return c.Rule
		}
	}
	return ""
}
