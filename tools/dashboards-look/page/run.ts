// Runs a panel's queries. Grafana's application has this; its libraries ask for it.
import { LoadingState, toDataFrame, type DataQueryRequest, type DataSourceApi, type PanelData } from '@grafana/data';
import { toDataQueryError } from '@grafana/runtime';
import { catchError, concat, from, isObservable, map, of, type Observable } from 'rxjs';

export function runRequest(
  source: DataSourceApi,
  request: DataQueryRequest,
  query?: typeof source.query
): Observable<PanelData> {
  const state = { timeRange: request.range, request, series: [] };
  const answer = (query ?? source.query.bind(source))(request);
  return concat(
    of({ ...state, state: LoadingState.Loading }),
    (isObservable(answer) ? answer : from(answer)).pipe(
      map(({ data, errors }) => ({
        ...state,
        state: errors?.length ? LoadingState.Error : LoadingState.Done,
        series: data.map(toDataFrame),
        errors,
        error: errors?.[0],
        structureRev: 1,
      })),
      catchError((err) =>
        of({ ...state, state: LoadingState.Error, error: toDataQueryError(err), errors: [toDataQueryError(err)] })
      )
    )
  );
}
