package batch

// done has no results.
type done[Resp any, C comparable] struct{}

func (done[Resp, C]) mode() mode                          { return allOrNone }
func (done[Resp, C]) fields() []path                      { return nil }
func (done[Resp, C]) absent(*Resp) bool                   { return false } // never sent
func (done[Resp, C]) response(*outcomes[C, *Resp]) *Resp  { return new(Resp) }
func (done[Resp, C]) size(*Resp, *outcomes[C, *Resp]) int { return 0 }
func (done[Resp, C]) fit(*Resp, int) bool                 { return false }

func (done[Resp, C]) read(resp *Resp, _ []C) (outcomeFunc[*Resp], error) {
	return func(int) (*Resp, error) { return resp, nil }, nil
}
