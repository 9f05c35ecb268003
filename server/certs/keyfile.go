package certs

import (
	"fmt"

	"github.com/e0ac7cd4/hotpath/internal/filewatch"
)

// keyFile is a file of keys that is followed.
type keyFile struct {
	setting, name string
	use           func(name string) error
	files         filewatch.Watch
	problem       string // that was reported; "" for none
}

// Follow reads a file of keys, which a setting names, with use, and does so again
// whenever it has changed. An error of use means that what it had before stays in
// use: at first that is the error, later a line in the log.
func (k *Keeper) Follow(setting, name string, use func(name string) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := &keyFile{setting: setting, name: name, use: use}
	f.files.Begin(name)
	if err := use(name); err != nil {
		return fmt.Errorf("%s %q: %w", setting, name, err)
	}
	k.keys = append(k.keys, f)
	return nil
}

// lookAtKeys reads files of keys that have changed.
func (k *Keeper) lookAtKeys() {
	broken := 0
	for _, f := range k.keys {
		if read, again := f.files.Due(); read {
			err := f.use(f.name)
			switch {
			case err == nil:
				if f.problem = ""; !again {
					k.log.Info("keys were loaded", "setting", f.setting, "file", f.name)
				}
			case again && err.Error() != f.problem:
				f.problem = err.Error()
				k.log.Error("keys cannot be loaded: those before stay in use", "setting", f.setting, "file", f.name, "problem", f.problem)
			}
		}
		if f.problem != "" {
			broken++
		}
	}
	k.metrics.KeyFilesBroken.Set(int64(broken))
}
