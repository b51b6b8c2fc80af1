package bolt

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
)

// look asks whether the batch is a flood, and holds back what came in it.
func (v *visit) look() error {
	if err := v.readWindow(); err != nil {
		return err
	}
	last, visited := v.lastVisit()
	if v.imported() || !visited {
		return nil
	}
	flood := feed.Visit{
		Now: v.batch.Seen, Last: last, Most: v.source.Fetch.Most,
		Rate: max(v.window.Rate(), feed.Window(v.shown(func(it *item) bool { return it.known != 0 })).Rate()),
	}
	for i := range v.items {
		it := &v.items[i]
		in := feed.Incoming{Change: it.change, When: it.next.When()}
		if it.old != nil && !it.old.Published.IsZero() && !it.next.Published.IsZero() {
			in.Moved = it.next.Published.Sub(it.old.Published)
		}
		flood.Articles = append(flood.Articles, in)
	}
	for i, held := range feed.Flood(flood) {
		v.items[i].held = held
	}
	return nil
}

// lastVisit returns when the source's feed was last read, as far as is known; false where this is
// its first document. What a failed visit notes is no reading.
func (v *visit) lastVisit() (time.Time, bool) {
	if v.before == nil || v.first {
		return time.Time{}, false
	}
	f := &v.before.Fetch
	if f.Problem == "" && f.Failures == 0 {
		return f.Checked, !f.Checked.IsZero()
	}
	return f.Changed, !f.Changed.IsZero()
}

// shown returns the articles in the order of the document.
func (v *visit) shown(which func(*item) bool) []feed.Windowed {
	items := make([]*item, 0, len(v.items))
	for i := range v.items {
		if which(&v.items[i]) {
			items = append(items, &v.items[i])
		}
	}
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.place, b.place) })
	shown := make([]feed.Windowed, len(items))
	for i, it := range items {
		shown[i] = feed.Windowed{ID: it.a.ID, When: it.next.When()}
		if shown[i].When.Equal(it.next.Seen) {
			shown[i].When = time.Time{} // which is what an article without a date is ordered by
		}
	}
	return shown
}

func (v *visit) readWindow() error {
	if raw := v.t.bucket(bucketWindow).Get(keySource(v.source.ID)); raw != nil {
		var records []windowed
		if err := unseal(raw, &records); err != nil {
			return fmt.Errorf("%w: window of source %d: %v", store.ErrDamaged, v.source.ID, err)
		}
		v.window = unwindow(records)
	}
	return nil
}

// turn moves the source's window on, and notes what has gone, what is back and what was missed.
func (v *visit) turn() error {
	visited := !v.batch.Source.Fetch.Checked.IsZero() && !v.batch.Backfill
	if visited && !v.first {
		v.source.Fetch.Most = max(v.source.Fetch.Most, len(v.saved.Added)-v.saved.Held)
	}
	if !v.batch.Whole || v.batch.Backfill {
		return nil
	}
	turn := v.window.Next(v.shown(func(*item) bool { return true }))
	if turn.Gap {
		v.saved.Gap = true
		v.source.Fetch.History.Wanted = v.source.Fetch.History.Wanted || visited
		v.source.Fetch.Gaps++
		v.source.Fetch.Gap = feed.Gap{Noticed: stored(v.batch.Seen), Since: turn.Since, Until: turn.Until}
	}
	for _, id := range turn.Gone {
		if err := v.goneOrBack(id, store.Gone); err != nil {
			return err
		}
	}
	for _, id := range turn.Came {
		if err := v.goneOrBack(id, store.Returned); err != nil {
			return err
		}
	}
	raw, err := seal(toWindow(turn.Window))
	if err != nil {
		return fmt.Errorf("encode the window of source %d: %w", v.source.ID, err)
	}
	b, k := v.t.bucket(bucketWindow), keySource(v.source.ID)
	if bytes.Equal(b.Get(k), raw) {
		return nil
	}
	return b.Put(k, raw)
}

// goneOrBack marks an article as one that has left its feed, or is back in it.
func (v *visit) goneOrBack(id feed.ID, kind store.ChangeKind) error {
	m, err := v.t.mark(id)
	if err != nil || (m.Gone == 0) == (kind == store.Returned) {
		return err
	}
	if kind == store.Gone {
		m.Gone = toInstant(v.batch.Seen)
	} else {
		m.Gone = 0
	}
	if err := v.t.putMark(v.source, id, m); err != nil || m.Withdrawn {
		return err
	}
	if kind == store.Gone {
		v.saved.Gone = append(v.saved.Gone, id)
	} else {
		v.saved.Back = append(v.saved.Back, id)
	}
	return v.t.changed(kind, id, newestSeq(v.t.bucket(bucketRevision).Cursor(), id), v.batch.Seen)
}
