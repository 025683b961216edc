// Package webkit is what the web packages of the rooms share: answers in problem+json, bodies that are
// bounded and read strictly, bearer tokens, a limit per caller, and the headers of pages.
//
// Whatever comes in is hostile: a name from it is shown cut and quoted, and never more of it than
// helps who sent it by mistake.
package webkit
