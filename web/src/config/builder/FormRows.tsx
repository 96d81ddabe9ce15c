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
  const [dragged, setDragged] = useState<number>();
  const [over, setOver] = useState<number>();
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
  const end = (): void => {
    setDragged(undefined);
    setOver(undefined);
  };
  return (
    <>
      {rows.length === 0 && <p className="muted">{t("Whoever decides fills in nothing. Add what they should say.")}</p>}
      <ol className="builder-rows" ref={list} aria-label={t("Fields")}>
        {rows.map((row, index) => (
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys move it at its handle
          <li
            key={row.id}
            data-row={row.id}
            className={`builder-row ${over === index && dragged !== index ? "builder-row-over" : ""}`}
            onDragOver={(event) => {
              if (dragged === undefined) return;
              event.preventDefault();
              setOver(index);
            }}
            onDrop={(event) => {
              event.preventDefault();
              if (dragged !== undefined) move(dragged, index);
              end();
            }}
          >
            <RowCard
              row={row}
              rows={rows}
              name={nameOf(row)}
              onMove={(step) => move(index, index + step)}
              onDrag={(isOn) => (isOn ? setDragged(index) : end())}
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
