package bolt

import "errors"

var errUnbuilt = errors.New("not built")
