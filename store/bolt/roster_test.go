package bolt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store"
	"github.com/backissue/backissue/store/bolt"
)

// listed is what a list shows of a source, taken from all that is known of it.
func listed(s feed.Source) feed.Source {
	s.Description, s.Language, s.Rights, s.Image, s.FeedID = "", "", "", "", ""
	s.Authors, s.Categories, s.Links, s.Extra = nil, nil, nil, nil
	s.Access = feed.Access{}
	f := &s.Fetch
	f.ETag, f.LastModified, f.BodyHash, f.TTL = "", "", "", 0
	f.Skip, f.Moved, f.Tally = feed.Skip{}, feed.Move{}, feed.Tally{}
	f.Push.Secret, f.Push.Callback = "", ""
	return s
}

// random fills every field of a source, or leaves it empty.
func random(r *rand.Rand) *feed.Source {
	var s feed.Source
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		if v.Type() == reflect.TypeFor[time.Time]() {
			if r.IntN(2) == 0 {
				v.Set(reflect.ValueOf(time.UnixMicro(r.Int64N(1<<52) - 1<<40).UTC()))
			}
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.String:
			v.SetString(strings.Repeat("ä\xff,", []int{0, 1, 10, 100, 30000}[r.IntN(5)]))
		case reflect.Bool:
			v.SetBool(r.IntN(2) == 0)
		case reflect.Int, reflect.Int64:
			v.SetInt([]int64{0, 1, 23, 24, 255, 256, 1 << 40, -1}[r.IntN(8)])
		case reflect.Uint8, reflect.Uint32, reflect.Uint64:
			v.SetUint([]uint64{0, 1, 23, 24, 100}[r.IntN(5)])
		case reflect.Slice:
			if n := r.IntN(3); n > 0 {
				v.Set(reflect.MakeSlice(v.Type(), n, n))
				for i := range n {
					fill(v.Index(i))
				}
			}
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	s.ID = 0
	return &s
}

func TestScanIsDecode(t *testing.T) {
	r, n := rand.New(rand.NewPCG(1, 2)), 300
	if testing.Short() {
		n = 30
	}
	for range n {
		raw, err := bolt.EncodeSource(random(r))
		if err != nil {
			t.Fatal(err)
		}
		want, err := bolt.DecodeSource(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bolt.ScanSource(raw)
		if err != nil {
			t.Fatalf("%v\n%+v", err, want)
		}
		if diff := cmp.Diff(listed(want), got); diff != "" {
			t.Fatal(diff)
		}
		if _, err := bolt.ScanSource(raw[:r.IntN(len(raw))]); err == nil {
			t.Error("a record that breaks off is read")
		}
	}
}

// Equal sources are equal bytes, whatever order their elements' namespaces are gone through in, or what a visit
// stores without a word in the journal would look like a fault.
func TestEqualSourcesAreEqualBytes(t *testing.T) {
	s := &feed.Source{Extra: []feed.Element{{Name: "n", Prefixes: map[string]string{"a": "urn:a", "b": "urn:b", "c": "urn:c"}}}}
	first, err := bolt.SealSource(s)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if again, err := bolt.SealSource(s); err != nil || !bytes.Equal(again, first) {
			t.Fatalf("%x, %v\n%x", again, err, first)
		}
	}
}

func FuzzScan(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		raw, err := bolt.EncodeSource(random(r))
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) < 10000 {
			f.Add(raw)
		}
	}
	f.Add([]byte("\xa1\x01\x9b\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := bolt.ScanSource(raw)
		if err != nil {
			return
		}
		again, err := bolt.EncodeSource(&got)
		if err != nil {
			return
		}
		twice, err := bolt.ScanSource(again)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if !reflect.DeepEqual(listed(got).Tags, twice.Tags) || got.URL != twice.URL || !got.Fetch.Due.Equal(twice.Fetch.Due) {
			t.Fatalf("%+v comes back as %+v", got, twice)
		}
	})
}

// TestUpgradeFrom4 finds by the index what was found by reading everything. testdata/v4.db.gz was made by
// the last version that wrote format 4: six sources, of which two have histories that are wanted, and three
// name a hub, one of them no longer subscribed to.
func TestUpgradeFrom4(t *testing.T) {
	db, err := bolt.Open(old(t, "v4.db.gz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found := func() string {
		wanting, err := db.Wanting(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		pushing, err := db.Pushing(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []feed.SourceID
		for _, s := range pushing {
			ids = append(ids, s.ID)
		}
		return fmt.Sprint(wanting, ids)
	}
	sources, err := db.Sources(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var wanting, pushing []feed.SourceID
	for _, s := range sources {
		if s.Fetch.History.Wanted {
			wanting = append(wanting, s.ID)
		}
		if s.Subscribed && s.Fetch.Push.Hub != "" {
			pushing = append(pushing, s.ID)
		}
	}
	if len(wanting) != 2 || len(pushing) != 2 {
		t.Fatalf("the old archive has %v and %v", wanting, pushing)
	}
	if got, want := found(), fmt.Sprint(wanting, pushing); got != want {
		t.Errorf("upgraded: %s, want %s", got, want)
	}
	if err := db.Shelve(t.Context(), wanting[0], feed.History{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Unsubscribe(t.Context(), pushing[0]); err != nil {
		t.Fatal(err)
	}
	if err := db.SetPush(t.Context(), pushing[1], func(p *feed.Push) { *p = feed.Push{} }); err != nil {
		t.Fatal(err)
	}
	if err := db.Shelve(t.Context(), 6, feed.History{Wanted: true}, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := found(), fmt.Sprint([]feed.SourceID{wanting[1], 6}, []feed.SourceID(nil)); got != want {
		t.Errorf("after changes: %s, want %s", got, want)
	}
	if faults, err := db.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v, %q", err, faults)
	}
}

// TestRoster lists sources with holes between them, in pages.
func TestRoster(t *testing.T) {
	db, err := bolt.Open(old(t, "v2.db.gz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n := range 30 {
		if _, err := db.Subscribe(t.Context(), feed.Source{
			URL: fmt.Sprintf("https://%d.example.org/", n), Title: "A source", Tags: []string{"A", "B"},
			Access: feed.Access{User: "me", Password: "secret"}, Fetch: feed.FetchState{Due: time.UnixMilli(int64(n)).UTC()},
		}); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := db.Sources(t.Context(), 0, 100)
	if err != nil || len(sources) != 33 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	var got []store.Listed
	for after := feed.SourceID(0); ; after = got[len(got)-1].ID {
		page := make([]store.Listed, 7)
		n, err := db.Roster(t.Context(), after, page)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		got = append(got, page[:n]...)
	}
	var want []store.Listed
	for _, s := range sources {
		f, err := db.Feed(t.Context(), store.Ref{Kind: store.Source, Name: s.Name})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, store.Listed{Source: listed(s), Articles: f.Articles})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
