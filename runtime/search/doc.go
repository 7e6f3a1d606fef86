// Package search implements RPCs that stream the results of a search. The service supplies the
// results, as an iterator; the package bounds their number, and packs them into responses if a
// response holds a list of results. Clients range over single results in both cases.
package search
