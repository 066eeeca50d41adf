/** A guest that says nothing while its program runs: it may have nothing to say, or it may have stopped for good. */
import type { Session } from './agent.ts'

/** How often it is looked whether anything came, in milliseconds. */
const everyMs = 10_000
/**
 * Pings without an answer, one each time, before the guest is given up. They are counted instead of the time: a server that
 * stood still itself has not listened. An agent answers in a millisecond, in seconds where its host has no time for it.
 */
const unansweredAtMost = 5
/**
 * Looks at a guest that has not taken its program's input yet, to which no ping gets through: it keeps 64 MiB that a program does
 * not read, where its disk is not full.
 */
const unreadAtMost = 60

/** Gives the session up once its guest has not answered for a minute, or taken no input for ten. Ends when it is disposed of. */
export function watchOver(session: Session): Disposable {
  // Apart: looks at which no ping could get through are no pings without an answer.
  let [unanswered, unread] = [0, 0]
  const timer = setInterval(() => {
    if (!session.quiet()) [unanswered, unread] = [0, 0]
    else if (session.isSending && unread < unreadAtMost) unread += 1
    else if (!session.isSending && unanswered < unansweredAtMost) {
      unanswered += 1
      session.ping()
    } else session.giveUp(`it has answered nothing for ${((unanswered + unread + 1) * everyMs) / 1000} s`)
  }, everyMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
