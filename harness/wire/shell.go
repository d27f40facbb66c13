package wire

// Shell has the guest run a command, or an interactive shell, instead of a job, on what was prepared if anything was. The host sends Input
// until it has no more, the guest Output, and at last Exit. The disk's operations can be asked for meanwhile.
type Shell struct {
	// Command is a line for sh -c; empty for an interactive shell.
	Command string `json:"command,omitempty"`
	// Terminal is the host's terminal; nil where there is none, and then the command gets pipes.
	Terminal *Terminal `json:"terminal,omitempty"`
}

// Terminal describes a terminal.
type Terminal struct {
	Name string `json:"name"` // TERM
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// Input is for a shell.
type Input struct {
	Data []byte `json:"data,omitempty"`
	// End says that no more will come.
	End bool `json:"end,omitempty"`
	// Resized is the terminal's new size, nil for none.
	Resized *Terminal `json:"resized,omitempty"`
}

// InputAhead is how many messages with Data the host may send before the guest has taken the first: then none of them can keep an answer
// from the guest.
const InputAhead = 8

// Output is of a shell.
type Output struct {
	Data []byte `json:"data,omitempty"`
	// Err: it was written to standard error.
	Err bool `json:"err,omitempty"`
	// Taken says that one Input with Data was taken.
	Taken bool `json:"taken,omitempty"`
}

// Exit ends a shell.
type Exit struct {
	Code int `json:"code"` // 128 and the signal's number where a signal ended it, as shells say it
	// Error is why there was no shell: a fault of the set-up.
	Error string `json:"error,omitempty"`
}
