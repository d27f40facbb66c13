// Package harness is for who has tests of his own: another suite (LTP, a file system's own tests) becomes cases here, and what its tests
// show becomes verdicts of the same kinds, with the same evidence, reports and exit codes.
//
// A test can be one of two things:
//
//   - a program (prog.Case): operations for a few tasks with what each may return. It is data, so that it runs on every target: the
//     reference engine explores it, a kernel carries it out, and the judge reads what happened. Whatever can be said as a program should be.
//   - an external command (Command): a binary or a script that decides by itself. It runs in a folder, on the kernel of this machine, and its
//     exit status and output become a verdict. The kernel's log is listened to meanwhile, and a command that does not end is a hang.
//
// A Suite has both; Run gives the verdicts. The example is a suite with one of each; FromLTP reads the exit status of LTP's tests, and
// ByExitStatus that of most others.
//
// A command's verdict is no better than the command. Two things make it one of ours: it says why it is unsupported, and it has a Witness, the
// line of its output by which it shows that its situation came about. A command that ends well without it is unexercised.
package harness
