package sched

// keeper is memory that a scheduler keeps between executions, so that a model need not allocate it again for each.
type keeper struct {
	kept      map[any]any
	execution uint64
}

// Kept returns what this scheduler keeps under the key, made at the first call; the key is best of a type of its user's
// own. It is for memory that is used again, as sync.Pool's is: what an execution does must not depend on what earlier ones left there.
func (s *Sched) Kept(key any, first func() any) any {
	v, ok := s.keeper.kept[key]
	if !ok {
		if s.keeper.kept == nil {
			s.keeper.kept = map[any]any{}
		}
		v = first()
		s.keeper.kept[key] = v
	}
	return v
}

// Execution returns the number of the execution under way, counted by this scheduler from 1.
func (s *Sched) Execution() uint64 { return s.keeper.execution }
