package memory

// ExchangeBytes is what an exchange counts for beside the text of its request:
// the stack of its handler's goroutine, 8 KiB once it has grown, its request,
// reply and context with 2 KiB (TestManyExchanges measures them), and 2 KiB for
// the start of an answer, of which up to 4 KiB are held back, but only from one
// write of its handler to the next. At the defaults 10,000 requests may wait for
// one page at once.
const ExchangeBytes = 12 << 10

// Begin counts an exchange in progress, of [ExchangeBytes] and n bytes of request,
// and reports false, counting nothing, if those of all exchanges take half of the
// limit already, or do not fit. A nil Ledger counts nothing.
func (l *Ledger) Begin(n int64) bool {
	if l == nil {
		return true
	}
	n += ExchangeBytes
	if l.exchanges.Add(n) > max(l.limit/2, ExchangeBytes) || !l.Take(n) {
		l.exchanges.Add(-n)
		l.report(Exchanges)
		return false
	}
	return true
}

// End ends an exchange for which Begin reported true, with the same n.
func (l *Ledger) End(n int64) {
	if l == nil {
		return
	}
	n += ExchangeBytes
	l.exchanges.Add(-n)
	l.Give(n)
}
