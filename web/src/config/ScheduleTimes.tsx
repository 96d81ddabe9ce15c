import { useEffect, useId, useState } from "react";
import { ApiError } from "../api/client";
import type { ScheduleTime, ScheduleTimes as Times, TriedSchedule } from "../api/schema";
import { api } from "../api/session";
import type { JsonObject } from "../base/json";
import { isList } from "../base/json";
import { dateLocale, locale, t } from "../locale/locale";
import { cronWords } from "./cronWords";

/** How long after the last key the server is asked. */
const QUIET_MS = 350;
const MINUTE_MS = 60_000;
const DAY: Intl.DateTimeFormatOptions = { weekday: "short", year: "numeric", month: "short", day: "numeric" };
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };

interface Answer {
  /** The schedule that it is about. */
  readonly asked: string;
  readonly times?: Times;
  /** The expression as one would say it. */
  readonly words?: string;
  readonly refusal?: string;
}

/** When a schedule fires next, as it is in the draft: computed by the server, as it will fire. */
export function ScheduleTimes({ trigger }: { readonly trigger: JsonObject }): React.JSX.Element {
  const asked = JSON.stringify(questionOf(trigger));
  const answer = useAnswer(asked);
  const id = useId();
  const isOld = answer?.asked !== asked;
  return (
    <section className="field" aria-labelledby={`${id}-title`} aria-busy={isOld} data-testid="schedule-times">
      <h3 className="field-label" id={`${id}-title`}>
        {t("Next times")}
      </h3>
      {answer?.times !== undefined && <TimesTable times={answer.times} words={answer.words ?? ""} isOld={isOld} />}
      <span role="status" className="field-help">
        {!isOld && (answer.refusal ?? (answer.times?.items.length === 0 && t("It does not fire any more.")))}
        {!isOld && answer.times !== undefined && answer.times.items.length > 0 && hasJitter(trigger) && (
          <>{t("Each is put off by up to the jitter.")}</>
        )}
      </span>
    </section>
  );
}

/** What the server says, a moment after somebody has typed, and anew once the first of its times has come. */
function useAnswer(asked: string): Answer | undefined {
  const [answer, setAnswer] = useState<Answer>();
  const [turn, setTurn] = useState(0);
  const first = answer?.times?.items[0]?.at;
  useEffect(() => {
    let isWanted = true;
    const ask = async (): Promise<void> => {
      const found = await answerTo(asked);
      if (isWanted) setAnswer(found);
    };
    const timer = setTimeout(() => void ask(), QUIET_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [asked, turn]);
  useEffect(() => {
    if (first === undefined) return undefined;
    const left = Date.parse(first) - Date.now();
    const timer = setTimeout(() => setTurn((number) => number + 1), Math.min(Math.max(left, 1000), 60 * MINUTE_MS));
    return () => clearTimeout(timer);
  }, [first, turn]);
  return answer;
}

async function answerTo(asked: string): Promise<Answer> {
  const question = JSON.parse(asked) as TriedSchedule;
  try {
    const [times, words] = await Promise.all([
      api.send<Times>("POST", "/schedules/next", { ...question }),
      cronWords(question.cron, locale(), isHalfDayClock()),
    ]);
    return { asked, times, words };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The problems stand at their fields.
    return { asked, refusal: error.problems.length > 0 ? t("First mend what is wrong below.") : error.message };
  }
}

/** What of a trigger says when it fires. */
function questionOf(trigger: JsonObject): TriedSchedule {
  const { cron, timezone, starts_on: first, ends_on: last, skip_dates: off } = trigger;
  return {
    cron: typeof cron === "string" ? cron : "",
    ...(typeof timezone === "string" && { timezone }),
    ...(typeof first === "string" && { starts_on: first }),
    ...(typeof last === "string" && { ends_on: last }),
    ...(isList(off) && { skip_dates: off.map(String) }),
  };
}

function hasJitter({ jitter }: JsonObject): boolean {
  return jitter !== undefined && jitter !== null && jitter !== 0 && jitter !== "";
}

interface TimesTableProps {
  readonly times: Times;
  /** What the expression says; empty if there are no words for it. */
  readonly words: string;
  /** Whether something else was typed since. */
  readonly isOld: boolean;
}

/** Each time as the clocks of the schedule show it, and as those of the reader do, if that is not the same. */
function TimesTable({ times, words, isOld }: TimesTableProps): React.JSX.Element | null {
  if (times.items.length === 0) return null;
  const lines = times.items.map((time) => ({ at: time.at, there: there(time), here: here(time) }));
  const isElsewhere = lines.some((line) => line.there.join() !== line.here.join());
  return (
    <table className={isOld ? "schedule-times is-old" : "schedule-times"}>
      {words !== "" && <caption data-testid="schedule-words">{words}</caption>}
      <thead>
        <tr>
          <th scope="col">
            <bdi>{times.timezone}</bdi>
          </th>
          {isElsewhere && <th scope="col">{t("Your time ({zone})", { zone: ownZone() })}</th>}
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={line.at}>
            <td>
              <time dateTime={line.at}>
                <Parts parts={line.there} />
              </time>
            </td>
            {isElsewhere && (
              <td>
                <Parts parts={line.here} />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Day and time; one below the other, where there are two columns. */
type DayAndTime = readonly [day: string, time: string];

function Parts({ parts: [day, time] }: { readonly parts: DayAndTime }): React.JSX.Element {
  return (
    <>
      <span>{day}</span> <span>{time}</span>
    </>
  );
}

/** The server has turned it into local time already: its zones are those by which it fires. */
function there({ local }: ScheduleTime): DayAndTime {
  return inParts(new Date(`${local.slice(0, "2026-12-24T09:00:00".length)}Z`), { timeZone: "UTC" });
}

function here({ at }: ScheduleTime): DayAndTime {
  return inParts(new Date(at), {});
}

function inParts(moment: Date, zone: Intl.DateTimeFormatOptions): DayAndTime {
  const part = (form: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(dateLocale(), { ...form, ...zone }).format(moment);
  return [part(DAY), part(CLOCK)];
}

/** Of the library's languages only English has words for the two halves. */
function isHalfDayClock(): boolean {
  if (locale() !== "en") return false;
  return new Intl.DateTimeFormat(dateLocale(), CLOCK).resolvedOptions().hour12 === true;
}

function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
