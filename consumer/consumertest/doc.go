// Package consumertest is the consumer's test kit.
//
//   - [Source] is a broker in memory with a script: it duplicates, loses acks,
//     redelivers early, sticks and fails as a test asks, and it notices what a
//     consumer must never do, such as settling a delivery twice. It is made of
//     channels and timers only, so it lives inside a testing/synctest bubble.
//   - [Recorder] is a quarantine in memory that can be told to fail.
//   - [Run] sends messages through the real pipeline and returns what became of
//     each, for tests of handlers and policies.
//   - [RunSourceTests] is the conformance suite that every source passes.
package consumertest
