package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/backissue/backissue/store/bolt"
)

// BenchmarkIntake saves visits of 30 new articles each, on disk, without and with what they were read from.
func BenchmarkIntake(b *testing.B) {
	for _, raw := range []bool{false, true} {
		b.Run(fmt.Sprintf("raw=%v", raw), func(b *testing.B) {
			dir := b.TempDir()
			o := &bolt.Options{}
			if raw {
				o.Raw = filepath.Join(dir, "raw")
			}
			db, err := bolt.Open(filepath.Join(dir, "archive.db"), o)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			n := 0
			for b.Loop() {
				if _, err := db.Save(b.Context(), received(1+n%50, 24*n, 30*n, 30*n+30, "")); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(30*n)/b.Elapsed().Seconds(), "articles/s")
		})
	}
}
