package bolt_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/backissue/backissue/store/bolt"
)

// TestOldArchiveIsKept upgrades an archive and expects the file as it was beside it, told once, and never in the
// place of another that has its name.
func TestOldArchiveIsKept(t *testing.T) {
	for _, test := range []struct {
		name   string
		beside func(t *testing.T, path string, was []byte)
		kept   string // the rest of its name
	}{
		{"alone", func(*testing.T, string, []byte) {}, ".format-4"},
		{"the same is there", func(t *testing.T, path string, was []byte) { write(t, path+".format-4", was) }, ".format-4"},
		{"another is there", func(t *testing.T, path string, _ []byte) { write(t, path+".format-4", []byte("other")) }, ".format-4-2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := old(t, "v4.db.gz")
			was, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			test.beside(t, path, was)
			var told []string
			for range 2 {
				d, err := bolt.Open(path, &bolt.Options{Kept: func(at string, format uint32) {
					if told = append(told, at); format != 4 {
						t.Errorf("kept format %d", format)
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				sound(t, d)
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if len(told) != 1 || told[0] != path+test.kept {
				t.Fatalf("kept in %q", told)
			}
			if is, err := os.ReadFile(told[0]); err != nil || !bytes.Equal(is, was) {
				t.Errorf("what is kept is not what was there: %v", err)
			}
		})
	}
	path := old(t, "v4.db.gz")
	if err := os.Mkdir(path+".format-4", 0o700); err != nil {
		t.Fatal(err)
	}
	was, _ := os.ReadFile(path)
	if d, err := bolt.Open(path, nil); !errors.Is(err, bolt.ErrNotKept) {
		t.Errorf("upgraded without a copy: %v", err)
		_ = d.Close()
	}
	if is, _ := os.ReadFile(path); !bytes.Equal(is, was) {
		t.Errorf("it was changed")
	}
}
