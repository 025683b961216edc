// Package consumer says how messages are received, judged and settled.
package consumer
