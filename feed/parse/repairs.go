package parse

// repairs collects in plain words what had to be mended, each thing once.
type repairs struct{ list []string }

// maxRepairs bounds the list: a feed of ten thousand bad dates needs no ten thousand notes.
const maxRepairs = 20

func (r *repairs) note(words string) {
	for _, have := range r.list {
		if have == words {
			return
		}
	}
	if len(r.list) < maxRepairs {
		r.list = append(r.list, words)
	}
}
