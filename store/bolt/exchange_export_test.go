package bolt

import (
	"bytes"
	"reflect"

	"go.etcd.io/bbolt"
)

// Imported compares the archive in a file with the one that it was exported from, pair by pair, and returns in
// words where it is not like that, but for what an export leaves out.
func Imported(path, like string) (all []string, err error) {
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
	c, err := newCodec(dictionary)
	if err != nil {
		return nil, err
	}
	defer c.close()
	err = a.View(func(is *bbolt.Tx) error {
		return b.View(func(want *bbolt.Tx) error {
			return compare(is, want, func(d *difference) error {
				if !c.saysTheSame(d) {
					all = append(all, d.String())
				}
				return nil
			})
		})
	})
	return all, err
}

// saysTheSame reports whether two values differ only in the order of their maps, or in what an export leaves out.
func (c *codec) saysTheSame(d *difference) bool {
	var x, y any
	switch name := string(d.bucket); name {
	case string(bucketDue), string(bucketRaw), string(bucketRawDigest):
		return true
	case string(bucketMeta):
		return bytes.Equal(d.key, keyJournal)
	case string(bucketLog):
		a, errA := c.article(d.is)
		b, errB := c.article(d.want)
		return errA == nil && errB == nil && reflect.DeepEqual(a, b)
	case string(bucketSource):
		a, b := &sourceRecord{}, &sourceRecord{}
		if unseal(d.is, a) != nil || unseal(d.want, b) != nil {
			return false
		}
		a.forget()
		b.forget()
		return reflect.DeepEqual(a.source(1), b.source(1))
	case string(bucketFeed):
		x, y = &feedRecord{}, &feedRecord{}
	case string(bucketShelf):
		a, b := &shelved{}, &shelved{}
		return c.unpack(d.is, a) == nil && c.unpack(d.want, b) == nil && reflect.DeepEqual(a, b)
	default:
		return false
	}
	return unseal(d.is, x) == nil && unseal(d.want, y) == nil && reflect.DeepEqual(x, y)
}
