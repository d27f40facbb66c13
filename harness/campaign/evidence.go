package campaign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// jobName names a job in tokens: the unit, and the mutants behind a plus.
func jobName(u Unit, mutants []string) string {
	return strings.Join(append([]string{u.Name()}, mutants...), "+")
}

// seed mixes the campaign's seed with a name, so that neither the order of units nor their number changes a unit's choices.
func seed(base uint64, name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return h.Sum64() ^ base
}

// keep writes the evidence and notes where it is. Evidence that cannot be written takes nothing from a bad verdict, but a
// good one without evidence is our fault.
func (r *Runner) keep(u Unit, p prog.Program, x *target.Execution, runErr error, v *Verdict) {
	dir := filepath.Join(r.Runs, fileName(v))
	if r.Runs != "" {
		v.Evidence, v.Replay = dir, dir
	}
	if x != nil && x.Replay != "" {
		v.Token = x.Replay
		if !v.given {
			v.Replay = v.Token
		}
	}
	if r.Runs == "" {
		return
	}
	if err := write(dir, r.files(u, p, x, runErr, v)); err != nil {
		v.Notes = append(v.Notes, err.Error())
		v.Evidence = ""
		if !v.Verdict.Bad() {
			v.Verdict, v.Text = judge.Infra, err.Error()
		}
	}
}

// fileName is a directory name for the verdict's evidence.
func fileName(v *Verdict) string {
	name := strings.Join([]string{v.Target, v.Kernel, v.FSName(), v.Name()}, "~")
	return strings.NewReplacer("/", "-", " ", "-").Replace(name)
}

// files are the evidence by file name.
func (r *Runner) files(u Unit, p prog.Program, x *target.Execution, runErr error, v *Verdict) map[string]string {
	files := map[string]string{
		"program.txt": fmt.Sprintf("# %s on %s\n# %s\n%s", v.Name(), v.FSName(), u.Case.Rule, p),
		"replay.txt":  v.ReplayCommand() + "\n",
	}
	if runErr != nil {
		files["error.txt"] = runErr.Error() + "\n"
	}
	if x != nil {
		var jsonl bytes.Buffer
		_ = x.History.Write(&jsonl) // a buffer takes everything
		files["history.jsonl"] = jsonl.String()
		files["history.txt"] = x.History.Text(p)
		if x.Console != "" {
			files["console.txt"] = x.Console
		}
		for name, text := range x.Extra {
			files[name] = text
		}
	}
	if text, err := json.MarshalIndent(v, "", "  "); err == nil {
		files["verdict.json"] = string(text) + "\n"
	}
	return files
}

// DefaultRelease is the kernel release that the engine behaves like where nobody says otherwise.
const DefaultRelease = "6.12"

// ReplayCommand is what a person runs to see it again.
func (v Verdict) ReplayCommand() string {
	command := "iomapcheck replay " + v.Replay
	if v.Token != "" && v.Replay == v.Token && v.Kernel != DefaultRelease {
		// A directory has the release in it, a token has not.
		command += " --release " + v.Kernel
	}
	return command
}

func write(dir string, files map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep evidence: %w", cache.NoSpace(dir, err))
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("keep evidence: %w", cache.NoSpace(path, err))
		}
	}
	return nil
}
