package bolt_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/store/bolt"
)

func newCodec(tb testing.TB) bolt.Codec {
	tb.Helper()
	c, err := bolt.NewCodec()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestRecordTimes(t *testing.T) {
	c := newCodec(t)
	for _, want := range []time.Time{
		{},
		time.Unix(0, 0).UTC(),
		time.Unix(0, 1000).UTC(),
		time.Unix(0, -1000).UTC(),
		time.Date(1605, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	} {
		r, err := c.Encode(&feed.Article{ID: 1, Seq: 1, Key: "k", Published: want, Seen: want})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Decode(r)
		if err != nil || !got.Published.Equal(want) || got.Published.IsZero() != want.IsZero() || !got.Seen.Equal(want) {
			t.Errorf("%v came back as %v, %v (%v)", want, got.Published, got.Seen, err)
		}
	}
}

// TestFlippedBits flips each bit of a record and expects that none passes for what was written.
func TestFlippedBits(t *testing.T) {
	c := newCodec(t)
	want := &feed.Article{ID: 1, Seq: 1, Key: "k", Title: "Title", Content: strings.Repeat("<p>Some text.</p>", 20)}
	r, err := c.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(r) {
		flipped := bytes.Clone(r)
		flipped[i/8] ^= 1 << (i % 8)
		if a, err := c.Decode(flipped); err == nil {
			t.Errorf("bit %d of byte %d: decoded to %+v", i%8, i/8, a)
		}
	}
	for n := range r {
		if _, err := c.Decode(r[:n]); err == nil {
			t.Errorf("the first %d bytes decode", n)
		}
	}
}

// FuzzRecord reads any bytes as a record, and makes a record of any text.
func FuzzRecord(f *testing.F) {
	c := newCodec(f)
	r, err := c.Encode(&feed.Article{ID: 7, Seq: 9, Key: "k", Title: "T"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r, "key", "text", int64(1))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0}, "", "\xff", int64(-1))
	f.Fuzz(func(t *testing.T, raw []byte, key, text string, at int64) {
		if a, err := c.Decode(raw); err == nil && a == nil {
			t.Error("neither an article nor an error")
		}
		want := feed.Article{
			ID: 1, Seq: 2, Key: key, GUID: key, Title: text, Content: text + text,
			Published: time.UnixMicro(at % (1 << 52)).UTC(), Authors: []feed.Person{{Name: text}},
			Extra: []feed.Element{{Name: key, Attrs: []feed.Attr{{Name: key, Value: text}}, Inner: text}},
		}
		r, err := c.Encode(&want)
		if err != nil {
			return // a key that is too long, or text that is no UTF-8, is refused
		}
		got, err := c.Decode(r)
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	c := newCodec(b)
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "<p>Paragraph %d has <a href=\"https://example.org/%x\">a link</a> and some words.</p>\n", i, i*i*7919)
	}
	a := &feed.Article{ID: 1, Seq: 1, Key: "https://example.org/a", Title: "A title", Content: text.String()}
	r, err := c.Encode(a)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			if _, err := c.Encode(a); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			if _, err := c.Decode(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
