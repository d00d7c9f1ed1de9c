// Package limits refuses hostile GraphQL documents before they cost anything.
//
// A document passes three gates, cheapest first:
//
//	text        bytes and tokens, before parsing
//	structure   depth, aliases, repeated fields, directives, fragments, root fields,
//	            before validation, whose time grows with the square of some of them
//	cost        how many objects the answer may hold, with this request's variables
//
// Each gate takes time linear in the document: what a fragment amounts to is
// found once, however often it is spread, and sums saturate. A document that
// has passed the first two is remembered together with its parsed form.
//
// Every refusal names the limit and what the document has, in its message and
// in extensions:
//
//	{"message": "The document nests 14 levels deep; at most 12 are allowed.",
//	 "extensions": {"code": "DEPTH_LIMIT", "limit": 12, "actual": 14}}
//
// # Cost
//
// Scalars are free. Three objects cost a point. A connection has as many as the
// larger of first and last, [MaxPage] if the document gives neither, and passes
// them on to the lists directly in it (nodes, edges). A list with a list of
// arguments (ids) has as many as that. Every other list is assumed to have
// [PlainListSize]. Lists inside lists multiply.
//
// # Introspection
//
// Introspection is refused unless [Config].Introspection is set. Where it is
// allowed it counts for neither depth nor cost: the validator holds it to three
// nested lists.
package limits
