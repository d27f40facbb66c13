package main

import "github.com/spf13/cobra"

// xfstests is the parent of the commands about xfstests trees.
func (a *app) xfstests() *cobra.Command {
	cmd := &cobra.Command{Use: "xfstests", Short: "our cases inside an xfstests tree, and its tests in our machines", Args: cobra.NoArgs}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(a.xfstestsRun(), a.xfstestsCompare(), a.xfstestsInGuest())
	cmd.AddCommand(a.xfstestsInside()...)
	return cmd
}
