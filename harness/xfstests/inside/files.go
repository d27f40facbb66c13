package inside

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

//go:embed case.sh
var caseScript string

// file is one to be installed.
type file struct {
	name       string // in our folder
	executable bool
	data       []byte
}

// madeBy is what every file of the folder says.
func madeBy(folder string) string {
	if folder == Folder {
		return "Made by iomapcheck; 'iomapcheck xfstests uninstall' takes it away."
	}
	return "Made by iomapcheck; 'iomapcheck xfstests uninstall --folder " + folder + "' takes it away."
}

// filesOf are the files of tests/folder but for the list of what is installed.
func filesOf(folder string, tests []numbered, binary []byte) []file {
	out := []file{
		{name: "Makefile", data: []byte(makefile(folder))},
		{name: "case.sh", data: []byte(strings.ReplaceAll(caseScript, "@FOLDER@", folder))},
		{name: "group.list", data: []byte(groupList(tests))},
		{name: "iomapcheck", executable: true, data: binary},
	}
	for _, t := range tests {
		out = append(out,
			file{name: t.Number, executable: true, data: []byte(testScript(folder, t))},
			file{name: t.Number + ".out", data: []byte("QA output created by " + t.Number + "\nSilence is golden\n")})
	}
	return out
}

// testScript is the test of a case.
func testScript(folder string, t numbered) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#! /bin/bash\n# SPDX-License-Identifier: GPL-2.0\n#\n# FS QA Test %s/%s: %s\n#\n", folder, t.Number, t.Case.ID)
	for _, line := range wrap(capital(t.Case.Rule)+".", 76) {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	b.WriteString("#\n")
	for _, line := range wrap("Kernel: "+t.Case.Kernel, 76) {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	fmt.Fprintf(&b, "# %s\n\n", madeBy(folder))
	fmt.Fprintf(&b, ". ./common/preamble\n_begin_fstest %s\n\n", strings.Join(groupsOf(t.Case), " "))
	words := fmt.Sprintf("_iomap_case %s %s", t.Case.ID, NeedsOf(t.Case))
	if kills(t.Case) {
		words += " kills"
	}
	fmt.Fprintf(&b, ". ./tests/%s/case.sh\n%s\n", folder, words)
	return b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// wrap breaks a text into lines of at most width bytes, at spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// groupList is what tools/mkgroupfile makes of the tests.
func groupList(tests []numbered) string {
	var b strings.Builder
	b.WriteString("# QA groups control file, automatically generated.\n# See _begin_fstest in each test for details.\n\n")
	for _, t := range tests {
		fmt.Fprintf(&b, "%s %s\n", t.Number, strings.Join(groupsOf(t.Case), " "))
	}
	return b.String()
}

// groups are all groups that the tests are in.
func groups(tests []numbered) []string {
	var all []string
	for _, t := range tests {
		all = append(all, groupsOf(t.Case)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// makefile has make keep group.list up to date, and make install take the folder along.
func makefile(folder string) string {
	return `# ` + madeBy(folder) + `

TOPDIR = ../..
include $(TOPDIR)/include/builddefs
include $(TOPDIR)/include/buildgrouplist

HERE = $(PKG_LIB_DIR)/$(TESTS_DIR)/` + folder + `
DIRT = group.list

default: group.list

include $(BUILDRULES)

install: default
	$(INSTALL) -m 755 -d $(HERE)
	$(INSTALL) -m 755 $(TESTS) iomapcheck $(HERE)
	$(INSTALL) -m 644 $(OUTFILES) group.list case.sh installed $(HERE)

install-dev install-lib:
`
}

// Find finds a case by its ID.
func Find(catalogue []prog.Case, id string) (prog.Case, bool) {
	i := slices.IndexFunc(catalogue, func(c prog.Case) bool { return c.ID == id })
	if i < 0 {
		return prog.Case{}, false
	}
	return catalogue[i], true
}
