package web

import (
	"container/list"
	"sync"
)

// cache keeps finished documents by path, the ones asked for last, up to a number of bytes.
type cache struct {
	mu      sync.Mutex
	byPath  map[string]*list.Element // of *document
	recent  list.List                // most recently asked for in front
	bytes   int64
	atMost  int64
	largest int64 // a document above this is not kept: it would drive out too many others
}

func newCache(atMost int64) *cache {
	return &cache{byPath: make(map[string]*list.Element), atMost: atMost, largest: atMost / 4}
}

// get returns the document of a path, or nil.
func (c *cache) get(path string) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byPath[path]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*document)
}

// put keeps a document as the one of its path.
func (c *cache) put(doc *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byPath[doc.path]; e != nil {
		c.drop(e)
	}
	doc.weight = doc.bytes()
	if doc.weight > c.largest {
		return
	}
	c.byPath[doc.path] = c.recent.PushFront(doc)
	c.bytes += doc.weight
	c.shrink()
}

// weigh takes note that a document has grown, by another encoding that was made of it.
func (c *cache) weigh(doc *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byPath[doc.path]
	if e == nil || e.Value.(*document) != doc {
		return
	}
	c.bytes -= doc.weight
	doc.weight = doc.bytes()
	c.bytes += doc.weight
	if doc.weight > c.largest {
		c.drop(e)
	}
	c.shrink()
}

func (c *cache) shrink() {
	for c.bytes > c.atMost {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	doc := c.recent.Remove(e).(*document)
	delete(c.byPath, doc.path)
	c.bytes -= doc.weight
}
