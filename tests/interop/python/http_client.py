import requests

class OutOfStock(Exception): pass
class Unexpected(Exception): pass

def reserve(base, request, seconds_left, traceparent=None, key=None):
    headers = {"accept": "application/json", "chassis-deadline": str(int(seconds_left * 1000))}
    if key: headers["idempotency-key"] = key
    if traceparent: headers["traceparent"] = traceparent
    answer = requests.post(f"{base}/v2/reservations", json=request, headers=headers,
                           timeout=seconds_left, allow_redirects=False)
    if answer.ok:
        return answer.json()
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if problem.get("type") == "urn:problem:inventory:out_of_stock":
        raise OutOfStock(problem["data"])
    raise Unexpected(answer.status_code, problem.get("code"), problem.get("trace_id"))
