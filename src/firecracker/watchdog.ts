/** A guest that says nothing while its program runs: it may have nothing to say, or it may have stopped for good. */
import type { Session } from './agent.ts'

/** How often it is looked whether anything came, in milliseconds. */
const everyMs = 10_000
/**
 * Pings without an answer, one each time, before the guest is given up. They are counted instead of the time: a server that
 * stood still itself has not listened. An agent answers in a millisecond, in seconds where its host has no time for it.
 */
const unansweredAtMost = 5

/** Gives the session up once its guest has not answered for a minute. Ends when it is disposed of. */
export function watchOver(session: Session): Disposable {
  let unanswered = 0
  const timer = setInterval(() => {
    if (!session.quiet()) unanswered = 0
    else if (unanswered < unansweredAtMost) {
      unanswered += 1
      session.ping()
    } else session.giveUp(`it has answered nothing for ${((unansweredAtMost + 1) * everyMs) / 1000} s`)
  }, everyMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
