package crashfs

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Options say what kind of disk it is.
type Options struct {
	// SyncNames says that syncing a file makes its name durable as well, if it is new: no standard
	// promises that, ext4, XFS and Btrfs do it.
	SyncNames bool
}

// Moment is a point between two operations at which the power may fail. It is good until the next one.
type Moment struct {
	N    int // how many operations were done
	Mark int // the last [Recorder.Mark]; -1 before the first
	Last *Op // the operation just done

	// Pending are the operations that no sync has covered yet, in their order.
	Pending []*Op

	durable *disk
}

// Moments calls yield for the moment after each operation, until it returns false.
func Moments(history []Op, o Options, yield func(*Moment) bool) {
	m := &Moment{Mark: -1, durable: newDisk()}
	lost := make(map[*Op]bool) // that a failed sync should have written
	for i := range history {
		op := &history[i]
		m.N, m.Last = i+1, op
		switch op.Kind {
		case Mark:
			m.Mark = op.Mark
			continue
		case Sync:
			m.Pending = slices.DeleteFunc(m.Pending, func(p *Op) bool {
				if !op.covers(p, o) || lost[p] {
					return false
				}
				if op.Failed {
					lost[p] = true
					return false
				}
				m.durable.apply(p, -1)
				return true
			})
		default:
			m.Pending = append(m.Pending, op)
		}
		if !yield(m) {
			return
		}
	}
}

// covers reports whether a sync makes an operation durable.
func (op *Op) covers(p *Op, o Options) bool {
	switch p.Kind {
	case Write, Truncate:
		return p.Node == op.Node
	case Create:
		return p.Dir == op.Node || o.SyncNames && p.Node == op.Node
	case Rename:
		return p.Dir == op.Node || p.ToDir == op.Node
	default:
		return p.Dir == op.Node
	}
}

// Outcome is what becomes of the pending operations of a moment: of each, how much of it reaches the disk.
type Outcome struct {
	Name string
	kept []int // -1 for all, 0 for nothing, else so many bytes of a write
}

// String says what became of the operations.
func (o Outcome) String() string { return fmt.Sprintf("%s %v", o.Name, o.kept) }

// Outcomes returns some of what may become of the pending operations: nothing is written, all is, some is
// and some is not, and the last write, or another, is torn at a sector or a page. Moments after each other
// share outcomes; each of these is returned once.
func (m *Moment) Outcomes(random *rand.Rand) (all []Outcome) {
	each := func(name string, kept func(i int) int) {
		o := Outcome{Name: name, kept: make([]int, len(m.Pending))}
		for i := range o.kept {
			o.kept[i] = kept(i)
		}
		all = append(all, o)
	}
	if m.Last.Kind == Sync || m.Last.Kind == Mark || len(m.Pending) == 1 {
		each("nothing", func(int) int { return 0 })
	}
	if len(m.Pending) == 0 {
		return all
	}
	each("everything", func(int) int { return -1 })
	if len(m.Pending) > 1 {
		each("some", func(int) int { return -random.IntN(2) })
		each("only the last", func(i int) int {
			if i == len(m.Pending)-1 {
				return -1
			}
			return 0
		})
	}
	if last := len(m.Pending) - 1; m.Pending[last].Kind == Write && len(m.Pending[last].Data) > 512 {
		torn := cut(m.Pending[last], random)
		each("everything, the last torn", func(i int) int {
			if i == last {
				return torn
			}
			return -1
		})
	}
	if at := random.IntN(len(m.Pending)); m.Pending[at].Kind == Write && len(m.Pending[at].Data) > 512 {
		each("some, one torn", func(i int) int {
			if i == at {
				return cut(m.Pending[i], random)
			}
			return -random.IntN(2)
		})
	}
	return all
}

// cut returns where a write is torn: at a sector, or at a page where it is longer than one.
func cut(op *Op, random *rand.Rand) int {
	unit := 512
	if len(op.Data) > pageSize && random.IntN(2) == 0 {
		unit = pageSize
	}
	return unit * (1 + random.IntN((len(op.Data)-1)/unit))
}

// Lay writes what the disk holds after a power cut at this moment to a folder.
func (m *Moment) Lay(dir string, o Outcome) error {
	d := &disk{files: make(map[uint64]*content), names: make(map[entry]uint64), dirs: make(map[uint64]bool)}
	for node, c := range m.durable.files {
		d.files[node] = c.clone()
	}
	for e, node := range m.durable.names {
		d.names[e] = node
	}
	for node := range m.durable.dirs {
		d.dirs[node] = true
	}
	for i, op := range m.Pending {
		if o.kept[i] != 0 {
			d.apply(op, o.kept[i])
		}
	}
	return d.lay(dir)
}
