package wire

import (
	"errors"
	"net"
	"os"
)

// fileClosing is the text of the error that a descriptor of package os returns
// once it is closed, if it is not wrapped: it has no name outside of that.
const fileClosing = "use of closed file"

// closedError is err, or net.ErrClosed if it is that of a closed file: our
// sockets may be files (see Listen).
func closedError(err error) error {
	if err != nil && (errors.Is(err, os.ErrClosed) || err.Error() == fileClosing) {
		return net.ErrClosed
	}
	return err
}
