package bolt

// PageSize lets tests at the size of pages.
const PageSize = pageSize

// Blank lets tests at what a new file holds first.
func Blank() []byte { return blank() }
