import { useEffect, useRef, useState } from "react";
import { t } from "../../locale/locale";
import { Button } from "../../shell/ui/Button";
import { humanize } from "../schema";
import { RowCard } from "./RowCard";
import type { Form, Row } from "./rows";
import { moved, newRow } from "./rows";

interface FormRowsProps {
  readonly form: Form;
  readonly onChange: (form: Form) => void;
}

/** The fields of a form, in their order: a row each, which can be moved by mouse and by keys. */
export function FormRows({ form, onChange }: FormRowsProps): React.JSX.Element {
  const { rows } = form;
  const list = useRef<HTMLOListElement>(null);
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number }>();
  const [said, setSaid] = useState("");
  const [wish, setWish] = useState<{ readonly id: number; readonly part: string }>();
  useEffect(() => {
    // A row that has been put elsewhere may have lost the focus by that.
    if (wish !== undefined) list.current?.querySelector<HTMLElement>(`[data-row="${wish.id}"] ${wish.part}`)?.focus();
  }, [wish]);
  const write = (next: readonly Row[]): void => onChange({ ...form, rows: next });
  const move = (from: number, to: number): void => {
    const row = rows[from];
    const next = moved(rows, from, to);
    if (row === undefined || next === rows) return;
    write(next);
    setWish({ id: row.id, part: ".builder-handle" });
    setSaid(t("{name} is number {place} of {count}.", { name: nameOf(row), place: to + 1, count: rows.length }));
  };
  /** Where a row goes that is held at a height of the window. */
  const dragTo = (from: number, y: number): void => {
    const items = [...(list.current?.children ?? [])];
    const below = items.findIndex((item) => y < item.getBoundingClientRect().bottom);
    const to = below === -1 ? items.length - 1 : below;
    if (to !== drag?.to) items[to]?.scrollIntoView({ block: "nearest" });
    setDrag({ from, to });
  };
  return (
    <>
      {rows.length === 0 && <p className="muted">{t("Whoever decides fills in nothing. Add what they should say.")}</p>}
      <ol className="builder-rows" ref={list} aria-label={t("Fields")}>
        {rows.map((row, index) => (
          <li
            key={row.id}
            data-row={row.id}
            className={`builder-row ${drag?.to === index && drag.from !== index ? "builder-row-over" : ""}`}
          >
            <RowCard
              row={row}
              rows={rows}
              name={nameOf(row)}
              onMove={(step) => move(index, index + step)}
              onDrag={(y) => dragTo(index, y)}
              onDrop={(isMeant) => {
                setDrag(undefined);
                if (isMeant && drag !== undefined) move(drag.from, drag.to);
              }}
              onChange={(next) => write(rows.with(index, next))}
              onRemove={() => {
                write(rows.toSpliced(index, 1));
                setWish({ id: (rows[index + 1] ?? rows[index - 1])?.id ?? -1, part: ".builder-handle" });
              }}
            />
          </li>
        ))}
      </ol>
      <Button
        icon="plus"
        className="form-edit"
        testId="form-add"
        onClick={() => {
          const row = newRow(rows);
          write([...rows, row]);
          setWish({ id: row.id, part: ".builder-label" });
        }}
      >
        {t("Add a field")}
      </Button>
      <span role="status" className="visually-hidden">
        {said}
      </span>
    </>
  );
}

function nameOf({ label, name }: Row): string {
  return label.trim() || (name === "" ? t("New field") : humanize(name));
}
