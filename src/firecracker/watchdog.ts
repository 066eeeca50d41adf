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
 * The same for a guest that has not taken its program's input yet, to which no ping gets through: it keeps 64 MiB that a program
 * does not read, where its disk is not full.
 */
const unreadAtMost = 60

/** Gives the session up once its guest has not answered for a minute. Ends when it is disposed of. */
export function watchOver(session: Session): Disposable {
  let unanswered = 0
  const timer = setInterval(() => {
    const { isSending } = session
    const most = isSending ? unreadAtMost : unansweredAtMost
    if (!session.quiet()) unanswered = 0
    else if (unanswered < most) {
      unanswered += 1
      if (!isSending) session.ping()
    } else session.giveUp(`it has answered nothing for ${((unanswered + 1) * everyMs) / 1000} s`)
  }, everyMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
