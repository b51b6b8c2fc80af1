package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// Differences compares the archives in two files pair by pair, but for what the next visit to a source finds
// out again, and returns in words where the first is not like the second.
func Differences(path, like string) (all []string, err error) {
	a, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := bbolt.Open(like, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer b.Close()
	err = a.View(func(is *bbolt.Tx) error {
		return b.View(func(want *bbolt.Tx) error {
			return compare(is, want, func(d *difference) error {
				switch name := string(d.bucket); {
				case name == string(bucketMeta) && bytes.Equal(d.key, keyJournal):
				case name == string(bucketDue):
				case name == string(bucketSource) && sameSource(d.is, d.want):
				default:
					all = append(all, d.String())
				}
				return nil
			})
		})
	})
	return all, err
}
