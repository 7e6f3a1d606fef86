package page

// Fields says which fields of an RPC's messages page its list: paths of proto names, with dots into nested messages
// ("page.token"). Generated code has them right; a path that there is not makes every use of the method INTERNAL, and the log says
// which.
type Fields struct {
	// Items is the response's list or map.
	Items string
	// Size is the request's page size, of any integer type or wrapper. Empty, pages have the policy's default size.
	Size string
	// Token is the request's page token, NextToken the response's: texts or bytes. Both are empty where a list is paged by Skip
	// alone.
	Token, NextToken string
	// Total is the response's number of items on all pages, of any integer type or wrapper; empty where it has none.
	Total string
	// Skip is the request's number of items to leave out, beside the token; without tokens, the place of the first item.
	Skip string
	// IdempotencyKey is the request's id (AIP-155), which is another one for each page.
	IdempotencyKey string
	// Vary are fields of the request that may change from page to page, beside those above.
	Vary []string
}
