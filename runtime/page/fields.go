package page

// Fields names the fields that page an RPC's list: paths of proto names, with dots into nested
// messages ("page.token"). Generated code sets them. If a path does not exist, every use of the
// method returns INTERNAL, and the log names the path.
type Fields struct {
	// Items is the response's list or map.
	Items string
	// Size is the request's page size, of any integer type or wrapper. If empty, pages have the
	// policy's default size.
	Size string
	// Token is the request's page token and NextToken the response's: strings or bytes. Both are
	// empty if the list is paged by Skip alone.
	Token, NextToken string
	// Total is the response's number of items on all pages, of any integer type or wrapper.
	// Optional.
	Total string
	// Skip is the request's number of items to skip, in addition to the token; without tokens,
	// the index of the first item.
	Skip string
	// IdempotencyKey is the request's idempotency key (AIP-155), which is different for each
	// page.
	IdempotencyKey string
	// Vary are other fields of the request that may differ from page to page.
	Vary []string
}
