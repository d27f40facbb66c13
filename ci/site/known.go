package site

// known is the page of the divergences that the catalogue lists.
func (s *site) known() error {
	return s.write("known.html", "known.html", "known divergences", "known", s.Known())
}
