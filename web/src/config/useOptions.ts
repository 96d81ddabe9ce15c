import { useCallback, useEffect, useRef, useState } from "react";
import type { OptionList } from "../api/schema";
import { asApiError } from "../api/useLoaded";
import { useForm } from "./form";
import type { OptionsMark } from "./options";
import { knownInputs, missingInput } from "./options";

/** How long nothing may change before the server is asked again. */
const PAUSE_MS = 300;

interface Answer {
  readonly request: string;
  /** What it depends on, as a text: an answer for other inputs is none. */
  readonly inputs: string;
  readonly list?: OptionList;
  readonly error?: string;
}

export interface Options {
  /** The latest list for the present inputs; while somebody types perhaps that of the text before. */
  readonly list: OptionList | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  readonly missing: ReturnType<typeof missingInput>;
  readonly retry: () => void;
}

/** The options of a field: fetched at once, and again when an input changes that they depend on. */
export function useOptions(mark: OptionsMark, search: string): Options {
  const { root, value, listOptions } = useForm();
  const known = knownInputs(mark, value, root);
  const missing = missingInput(mark, known, value, root);
  const isReady = missing === undefined && listOptions !== undefined;
  const inputs = JSON.stringify(known);
  const request = JSON.stringify({ input: mark.input, inputs: known, search: mark.searches ? search : "" });
  const [answer, setAnswer] = useState<Answer>();
  const [attempt, setAttempt] = useState(0);
  const isFirst = useRef(true);
  useEffect(() => {
    const pause = isFirst.current ? 0 : PAUSE_MS;
    isFirst.current = false;
    if (!isReady) return undefined;
    let isWanted = true;
    const ask = (): void => {
      listOptions(JSON.parse(request)).then(
        (list) => isWanted && setAnswer({ request, inputs, list }),
        (reason: unknown) => isWanted && setAnswer({ request, inputs, error: asApiError(reason).message }),
      );
    };
    const timer = setTimeout(ask, pause);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [isReady, listOptions, request, inputs, attempt]);
  const retry = useCallback(() => {
    setAnswer(undefined);
    setAttempt((number) => number + 1);
  }, []);
  const isPresent = isReady && answer?.inputs === inputs;
  return {
    list: isPresent ? answer.list : undefined,
    error: isReady && answer?.request === request ? answer.error : undefined,
    isLoading: isReady && answer?.request !== request,
    missing,
    retry,
  };
}
