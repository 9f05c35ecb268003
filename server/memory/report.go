package memory

// Cause is what a lack of memory led to.
type Cause uint8

const (
	Cut       Cause = iota // a sender was cut
	Full                   // a Take was refused
	Exchanges              // a Begin was refused
)

// Watch has report called for each such event: on any goroutine, often, and it
// must not block. It is to be called before the ledger is in use.
func (l *Ledger) Watch(report func(Cause)) { l.watch = report }

func (l *Ledger) report(c Cause) {
	if l.watch != nil {
		l.watch(c)
	}
}
