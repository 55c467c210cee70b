import { useId, type FormEvent } from 'react';
import { st } from './texts';
import { signIn, type Refusal } from './token';

const COMMAND = 'python server.py token --role staff --tenant demo --expires-in 8h';

export function SignIn({ refusal }: { refusal: Refusal | null }) {
  const id = useId();
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    signIn(String(new FormData(event.currentTarget).get('token')));
  };
  const [before, after] = st('sign.how').split('{command}');
  return (
    <main className="sign-in">
      <form onSubmit={onSubmit}>
        <h1>{st('sign.title')}</h1>
        <p className="quiet">{st('sign.lead')}</p>
        {refusal && (
          <p role="alert" className="note warm" id={`${id}-refusal`}>
            {st(`sign.${refusal}`)}
          </p>
        )}
        <label className="field">
          <span>{st('sign.token')}</span>
          <textarea
            name="token"
            rows={4}
            required
            autoFocus
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            dir="ltr"
            aria-invalid={refusal ? true : undefined}
            aria-describedby={refusal ? `${id}-refusal` : undefined}
          />
        </label>
        <button type="submit" className="button">
          {st('sign.in')}
        </button>
        <p className="quiet how">
          {before}
          <code dir="ltr">{COMMAND}</code>
          {after}
        </p>
      </form>
    </main>
  );
}
