import { useId, type ReactNode } from 'react';

export interface Option {
  value: string;
  label: ReactNode;
}

interface Props {
  legend: string;
  name: string;
  options: readonly Option[];
  value: string;
  onChange: (value: string) => void;
  className?: string;
}

/** Radio buttons that look like what they choose: the arrow keys move among them, as the browser has it. */
export function Choices({ legend, name, options, value, onChange, className = '' }: Props) {
  const group = useId();
  return (
    <fieldset className={`choices ${className}`}>
      <legend>{legend}</legend>
      <div className="options">
        {options.map((option) => (
          <label key={option.value} className="option">
            <input
              type="radio"
              className="hidden"
              name={`${name}-${group}`}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span className="face">{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
