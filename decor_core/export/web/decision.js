// When an answer is confident, ambiguous, undecided or unknown, and that in words.
//
// As Prediction.decision and decision.py of Decor.

const SMALL_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** { kind, labels }: what to say of `scores`, [label, probability] with the likeliest first. */
export function decide(scores, novelty, { confidenceThreshold, noveltyThreshold }) {
  if (novelty > noveltyThreshold) return { kind: "unknown", labels: [] };
  let reached = 0;
  const place = scores.findIndex(
    ([, probability]) => (reached += probability) >= confidenceThreshold - 1e-9);
  const needed = place < 0 ? scores.length + 1 : place + 1;
  const [[first, best]] = scores;
  const ratherNone = scores.length > 1 && novelty > scores[1][1];
  if (needed > 1 && ratherNone && best + novelty >= confidenceThreshold)
    return { kind: "ambiguous", labels: [first] };
  const kind = { 1: "confident", 2: "ambiguous" }[needed] ?? "undecided";
  return { kind, labels: scores.slice(0, Math.min(needed, 3)).map(([label]) => label) };
}

/** A headline: “Khokhloma”, “Gzhel or Iznik”, “None of the known styles”. */
export function title({ kind, labels }, taxonomy) {
  const none = `one of the known ${plural(taxonomy)}`;
  if (kind === "unknown") return `N${none}`;
  if (isMaybeNone({ kind, labels })) return `${labels[0]} or n${none}`;
  const most = labels.slice(0, -1), last = labels.at(-1);
  return most.length ? `${most.join(", ")} or ${last}` : last;
}

/** How sure the answer is: { sure, words }, the first of which stands out. */
export function confidence(decision, scores, taxonomy) {
  const [[label, best], second] = scores;
  const count = SMALL_NUMBERS[scores.length] ?? scores.length;
  const among = `of the ${count} ${second ? plural(taxonomy) : taxonomy} this model knows`;
  const share = percent(best);
  if (decision.kind === "unknown")
    return {
      sure: "",
      words: `Looks most like ${label}, ${among}, but is unlike everything that it has seen: do `
        + "not rely on it.",
    };
  if (decision.kind === "confident")
    return { sure: best >= 0.95 ? "Very confident" : "Confident", words: share };
  if (isMaybeNone(decision))
    return {
      sure: "Ambiguous",
      words: `looks most like ${label} (${share}), ${among}, and may be none of them`,
    };
  if (decision.kind === "ambiguous")
    return { sure: "Ambiguous", words: `${share} against ${percent(second[1])}` };
  return {
    sure: "Undecided", words: `looks most like ${label}, ${among}, but with only ${share}`,
  };
}

const isMaybeNone = ({ kind, labels }) => kind === "ambiguous" && labels.length === 1;

/** In whole percent; what is not quite all or nothing never reads as such. */
export function percent(share) {
  if (share > 0.995 && share < 1) return "> 99\u00a0%";
  if (share > 0 && share < 0.005) return "< 1\u00a0%";
  return `${(share * 100).toFixed(0)}\u00a0%`;
}

/** More than one of a taxonomy's name: styles, countries, classes. */
export function plural(noun) {
  if (noun.endsWith("y")) return `${noun.slice(0, -1)}ies`;
  return noun.endsWith("s") ? `${noun}es` : `${noun}s`;
}
