package main

import "github.com/spf13/cobra"

// xfstests is the parent of what has to do with an xfstests tree.
func (a *app) xfstests() *cobra.Command {
	cmd := &cobra.Command{Use: "xfstests", Short: "runs cases as tests of an xfstests tree", Args: cobra.NoArgs}
	cmd.AddCommand(a.xfstestsInside()...)
	return cmd
}
