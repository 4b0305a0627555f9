// Package rehearse is the story of one rehearsal: freeze production, copy it masked into a throwaway server, apply what is pending,
// watch everything, and say GO or NO-GO with the evidence.
//
// [Run] is that story, [Stage] its first half (the masked copy alone), [Archive] keeps that half as a file from which Run and Stage can
// begin without the source, and [Plan] is what can be said without moving any data.
//
// # What is guaranteed
//
// Nothing is ever written to the source: its sessions are read-only by the server's own setting, and goose is never pointed at it.
//
// No unmasked value leaves the source connection: raw values exist only in the buffer between the source's socket and the mask, never
// in a file, a log line, an error or a report. A column without a rule stops the rehearsal before anything is started.
//
// Nothing is claimed that was not seen: every figure carries how it was obtained, and what could not be measured is named.
//
// # What a rehearsal cannot show
//
// Staging is a private server: nobody competes for its locks, its disk is another one, and copying removes bloat. So a lock's duration
// is a fact about staging and an inference about production. Masked values can make a sound migration fail and an unsound one pass;
// the report names the masked columns a migration touches. See report.Result's Differences and NotMeasured.
//
// # Errors
//
// A migration that fails is a finding, not an error: Run returns a result and a nil error. An error means that the rehearsal could not
// be carried out; its type tells the command what to advise (see snapshot.SourceError, sanitize.PlanError, staging.ProviderError ...).
//
// # Glossary
//
//   - source: the production database, only ever read.
//   - staging: the throwaway server with the masked copy.
//   - snapshot: the frozen, consistent view of the source that was copied; also the file that keeps the masked copy of it, which the code
//     calls archive.
//   - mask: a function on a value; its output is masked, never "anonymous", because a deterministic mask makes pseudonyms.
//   - rule: which mask a column has.
//   - migration: one goose file, or all that a command of the user's applies; statement: what was sent of it in one go.
//   - finding: a fact that matters to the verdict, under a stable code.
//   - budget: a limit of the policy.
//   - verdict: GO, GO WITH CONDITIONS, NO-GO or INCONCLUSIVE.
package rehearse
