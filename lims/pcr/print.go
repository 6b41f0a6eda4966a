package pcr

import "io"

// WriteText writes the decision table as text.
func (k *Kit) WriteText(w io.Writer, lang string) error { return nil }

// WriteHTML writes the decision table as a page.
func (k *Kit) WriteHTML(w io.Writer, lang string) error { return nil }
