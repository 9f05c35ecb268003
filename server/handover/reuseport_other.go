//go:build !unix || solaris || illumos

package handover

import (
	"errors"
	"syscall"
)

// reusePort fails: the system has no SO_REUSEPORT.
func reusePort(_, _ string, _ syscall.RawConn) error {
	return errors.New("this system has no SO_REUSEPORT")
}
