// A step of each kind of cell for the GPU, as in cells_kernel.py.

#include "lca_kernel.cuh"
#include "wta_kernel.cuh"
#include "divisive.cuh"
#include "harmonic_fields.cuh"
#include "solvers_kernel.cuh"
#include "flows_kernel.cuh"

__device__ inline void fill(float *row, float value, int units) { EACH_UNIT(i) row[i] = value; }

__device__ inline float smallest(int kind, int field) {
    bool powers = (kind == LCA_RMS && field >= 2) || (kind == LCADAM && field >= 3);
    return powers ? SMALLEST_POWER : SMALLEST_AMPLITUDE;
}

__device__ FieldRule harmonic_rule(Plan plan, const long long *cell) {
    const long long *at = cell + PARAMS;
    float *p = plan.parameters.data;
    return {{p + at[0], {at[1] - at[0]}}, p[at[1]], p[at[2]], p[at[3]]};
}

// Those of cell c.
__device__ Links links_of(Plan plan, int c, Links links) {
    for (int before = 0; before < c; ++before) {
        const long long *cell = plan.cells[before].data;
        if (cell[KIND] != HARMONIC) continue;
        long long most = cell[EXTRA] * most_connections(harmonic_rule(plan, cell));
        links.start.data += cell[EXTRA] + 1;
        links.unit.data += most;
        links.weight.data += most;
    }
    return links;
}

__device__ void find_links(Plan plan, int c, const float *inputs, Links links) {
    const long long *cell = plan.cells[c].data;
    Links own = links_of(plan, c, links);
    const float *hz = inputs + cell[INPUT_AT] + cell[EXTRA];
    connect(hz, cell[EXTRA], cell[UNITS], harmonic_rule(plan, cell), own.start.data, own.unit.data, own.weight.data);
}

__device__ void begin_cell(Plan plan, int c, const float *inputs, float *z, Room room) {
    const long long *cell = plan.cells[c].data, *at = cell + PARAMS, *to = cell + FIELDS;
    const float *p = plan.parameters.data;
    int kind = cell[KIND], units = cell[UNITS];
    if (kind == HARMONIC) find_links(plan, c, inputs, room.links);
    if (kind > LCADAM) return;
    float *level = room.row.data;
    if (kind == LCA) {
        fill(level, 1.0f, units);
    } else {
        level = row(z, to[kind == LCA_RMS ? 3 : 4], units);
        const float *last = p + at[kind == LCA_RMS ? 7 : 8];
        track_level(
            inputs + cell[INPUT_AT], {(int)last[0], last[1]}, level, room.other_row.data, room.sums.data, units
        );
    }
    const float *retention = p + at[1];
    carry(retention, p + at[0], p[at[3]] != 0.0f, level, row(z, to[0], units), row(z, to[1], units), units);
    if (kind == LCADAM) {
        float *m = row(z, to[2], units);
        EACH_UNIT(i) m[i] *= retention[i];
    }
}

__device__ void step_lca(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    float *p = plan.parameters.data, *threshold = p + at[0];
    int kind = cell[KIND], units = cell[UNITS], hard = p[at[3]] != 0.0f;
    Array<float, 2> band = {p + at[2], {units, cell[EXTRA]}};
    float *u = row(z, to[0], units), *a = row(z, to[1], units), *du = room.row.data;
    if (kind == LCA) {
        lca_step(drive, band, threshold, hard, p[at[4]], u, a, du, units);
    } else if (kind == LCA_RMS) {
        RmsMoments moments = {p[at[4]], p[at[5]], p[at[6]]};
        float *level = row(z, to[3], units), *v = row(z, to[2], units);
        lca_rms_step(drive, band, threshold, hard, moments, level, u, v, a, du, units);
    } else {
        AdamMoments moments = {p[at[4]], p[at[5]], p[at[6]], p[at[7]]};
        float *level = row(z, to[4], units), *m = row(z, to[2], units), *v = row(z, to[3], units);
        lcadam_step(drive, band, threshold, hard, moments, level, u, m, v, a, du, units);
    }
}

__device__ void step_circuit(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    float *p = plan.parameters.data;
    long long units = cell[UNITS], *numbers = plan.numbers.data;
    Circuit circuit = {p[at[1]], p[at[2]], p[at[3]], p[at[4]]};
    float *x = row(z, to[0], units), inhibition_threshold = p[at[5]], rate = p[at[6]];
    if (cell[KIND] == WTA) {
        float *x_n = row(z, to[1], 1);
        wta_step(drive, circuit, p + at[0], inhibition_threshold, rate, x, x_n, room.sums.data, units);
    } else {
        long long axes = cell[EXTRA], *widths = numbers + at[8];
        WtaRule rule = {
            circuit, {p + at[0], {units}}, inhibition_threshold, rate, {numbers + at[7], {axes}},
            {widths, {axes, (at[9] - at[8]) / axes}}, numbers[at[9]] != 0,
        };
        float *window = room.row.data, *inhibition = room.other_row.data;
        wtaconv_step(drive, rule, x, row(z, to[1], units), room.sums.data, window, inhibition, units);
    }
}

__device__ void step_divisive(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    const long long *start = plan.numbers.data + at[6], *unit = plan.numbers.data + at[7];
    const float *p = plan.parameters.data, *weight = p + at[0];
    int units = cell[UNITS], inputs = cell[EXTRA];
    DivisiveGains gains = {p[at[2]], p[at[3]], p[at[4]], p[at[5]]};
    float *a = row(z, to[0], units), *support = row(z, to[1], units);
    float *before = room.row.data;
    expect(start, unit, weight, a, before, inputs);
    share(drive, start, unit, weight, p + at[1], gains, before, a, support, inputs, units, true);
    expect(start, unit, weight, a, row(z, to[2], inputs), inputs);
}

__device__ void step_harmonic(Plan plan, int c, const float *drive, float *z, Room room) {
    const long long *cell = plan.cells[c].data, *at = cell + PARAMS, *to = cell + FIELDS;
    const float *p = plan.parameters.data;
    int units = cell[UNITS], partials = cell[EXTRA];
    Links links = links_of(plan, c, room.links);
    const int *start = links.start.data, *unit = links.unit.data;
    const float *weight = links.weight.data;
    DivisiveGains gains = {p[at[5]], p[at[6]], p[at[7]], p[at[8]]};
    float *a = row(z, to[0], units), *support = row(z, to[1], units), *expected = row(z, to[2], partials);
    expect(start, unit, weight, a, expected, partials);
    share(drive, start, unit, weight, p + at[4], gains, expected, a, support, partials, units, false);
}

__device__ void step_solver(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    const float *p = plan.parameters.data;
    int units = cell[UNITS];
    float *x = row(z, to[0], units);
    if (cell[KIND] == PROJECTION) {
        const float *lower = p + at[1], *upper = p + at[2];
        projection_step(
            drive, p + at[0], lower, upper, cell[EXTRA], p[at[3]], p[at[4]], p[at[5]], x, room.row.data, units
        );
    } else {
        int size = units / cell[EXTRA];
        float *S = row(z, to[1], units), *A_before = row(z, to[2], size * size), *b_before = row(z, to[3], units);
        zeroing_step(drive, size, p + at[0], x, S, A_before, b_before, room.sums.data, units);
    }
}

__device__ void step_cell(Plan plan, int c, const float *drive, float *z, Room room) {
    const long long *cell = plan.cells[c].data;
    if (cell[KIND] <= LCADAM) {
        step_lca(plan, cell, drive, z, room);
    } else if (cell[KIND] <= WTACONV) {
        step_circuit(plan, cell, drive, z, room);
    } else if (cell[KIND] == DIVISIVE) {
        step_divisive(plan, cell, drive, z, room);
    } else if (cell[KIND] == HARMONIC) {
        step_harmonic(plan, c, drive, z, room);
    } else {
        step_solver(plan, cell, drive, z, room);
    }
}
